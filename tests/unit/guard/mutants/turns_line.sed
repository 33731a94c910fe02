# src/guard/turns.c, test_turns: a number is not up to itself
s/(line\[0\] <= number)/(line[0] < number)/
