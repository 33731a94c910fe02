# src/engine/receiver.c: what ran inline is not entered
s/^\tenter_books(receiver, &results, jobs->count);/\treceiver->ledger.running = 0; receiver->ledger.replied = receiver->ledger.received - ledger_dropped(\&receiver->ledger) - ledger_failed(\&receiver->ledger) - receiver->ledger.no_reply;/
