# src/engine/worker.c: a call is answered after looking
/^static enum worker_did take/,/^}/{s/^\tatomic_store(&shared->called, false);//;s/^\t\t\treturn WORKER_WORKED;/\t\t\tatomic_store(\&shared->called, false);\n&/;s/^\treturn ended/\tatomic_store(\&shared->called, false);\n&/}
