# src/process/quarantine.c: one death is enough to be refused
s/#define DEATHS 2/#define DEATHS 1/
