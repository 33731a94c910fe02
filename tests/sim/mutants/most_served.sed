# src/queue/flow.c: the flow that was served most is next
/^struct flow \*flow_least_served/,/^}/s/order_first(&table->orders\[FLOW_READY\])/({ struct order *order = \&table->orders[FLOW_READY]; unsigned list = ORDER_LISTS; while (list > 0 \&\& link_is_empty(\&order->lists[list - 1])) list--; list > 0 ? \&order->lists[list - 1] : NULL; })/
