# src/guard/access.c, test_access: the first rule that has a source decides
s/^		turn(&sweep, prefix->first, rules\[i\].allow);/		turn(\&sweep, prefix->first, sweep.open[0]->allow);/
