/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Reads a command's options: long ones only, --name VALUE or --name=VALUE, anywhere before "--".
 *
 * One row an option. What is no option is left in argv, in order; "-" alone is no option, it names stdin.
 * Values borrow from argv. */
#include <stdbool.h>
#include <stddef.h>

typedef struct {
        const char *name;   /* without the dashes */
        bool *flag;         /* takes no value: set to true. Else: */
        const char **value; /* the last value given; with n_values an array that takes max_values of them */
        size_t *n_values;
        size_t max_values;
} ArgsOption;

/* 0: argv[1] … argv[*ret_n] are what is left. STATUS_USAGE: what is wrong was said. */
int args_parse(int argc, char **argv, const ArgsOption *options, size_t n_options, size_t *ret_n);

/* A number of bytes, with K or M behind it or not. False when it is none, or zero. */
bool args_size(const char *text, size_t *ret);
