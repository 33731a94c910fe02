# src/process/asked.c: what a child cannot have begun fails with it
s/i < begun && (last || request->length >= 0)/last || request->length >= 0/
