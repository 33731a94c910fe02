# src/queue/flow.c: a network is charged the mean, whatever it took
s/^\tnetwork_charge(&table->networks, record_number(table, flow), ns);$//
