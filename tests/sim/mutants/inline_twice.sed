# src/engine/receiver.c: what was received inline is entered twice
s/^\tenter_books(receiver, admission, 0);/&\n&\n\treceiver->ledger.running -= admission->running; receiver->ledger.no_reply += admission->running;/
