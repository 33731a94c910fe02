# src/queue/flow.c: a network is not charged when one of its flows is served
s/^\t\tnetwork_charge(&table->networks, number, ns);$/\t\t;/
