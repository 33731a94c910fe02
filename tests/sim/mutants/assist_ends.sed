# src/engine/receiver.c: a receiver that ends leaves its work to nobody
s/^\t\tqueue_end_assist(receiver->service->queue);$//
