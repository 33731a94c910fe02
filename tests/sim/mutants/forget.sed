# src/core/flow.c: an idle flow is forgotten, though records are free
s/if (table->used < table->flows)/if (table->used < table->flows \&\& first_list(\&table->orders[FLOW_IDLE]) == NULL)/
