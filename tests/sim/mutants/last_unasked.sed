# src/engine/worker.c: no worker is called for what is held already
/^static bool may_take_any/,/^}/s/^\tif (!is_kept.*$/\tif (false)/
