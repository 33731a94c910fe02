# src/queue/flow.c: an idle flow is forgotten, though there is room for more
s/table->idle < table->idle_max)/table->idle < 1)/
