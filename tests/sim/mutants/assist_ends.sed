# src/engine/receiver.c: a receiver that ends leaves its work to nobody
s/if (!is_inline(receiver) && queue_end_assist(receiver->service->queue))/if (false)/
