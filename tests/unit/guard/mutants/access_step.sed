# src/guard/access.c, test_access: a step of the search goes too far
s/(size_t)(at\[part\] <= number)/(size_t)(at[part] < number + 2)/
