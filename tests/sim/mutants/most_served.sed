# src/core/flow.c: the flow that was served most is next
/^struct flow \*flow_least_served/,/^}/s/first_list(order)/({ unsigned word = 63u - (unsigned)__builtin_clzll(order->filled_words); word * 64 + 63u - (unsigned)__builtin_clzll(order->filled[word]); })/
