# src/queue/flow.c: a network remembers what it was served in windows that are over
s/^\tnetwork_table_next_window(&table->networks);$//
