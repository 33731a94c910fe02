# src/base/clock.c: a step of the wall clock makes jobs old
s/if (timestamp_ns == 0 ||.*$/if (timestamp_ns == 0 || age < 0)/
