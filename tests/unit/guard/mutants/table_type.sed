# src/guard/neighbours.c, test_neighbours: any message is a table
s/message->nlmsg_type != RTM_NEWNEIGHTBL || //
