# src/queue/queue.c: receivers help though they are not to
s/return queue->assisted && queue->settings.receivers_assist &&/return queue->assisted \&\&/
