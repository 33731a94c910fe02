# src/engine/worker.c: a service that workers hold takes the last free one from others
/^static bool is_kept/,/^}/s/^\treturn .*$/\treturn false;/
