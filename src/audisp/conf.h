/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A plugin's .conf file, read with auditd's own rules, as auditd-plugins(5) and its sources have them.
 *
 * Lines are `key = value`, split at blanks only (a tab is part of a word), keys in any case, '#' at the start of the
 * first word a comment. There is no quoting; what is without a newline is no line. Everything that makes auditd refuse the file or the program is
 * an error with its line, and what to write instead; what only the caller's own account makes it refuse (a
 * file that is not root's, when we are not root either) is a warning. */
#include "audisp/version.h"

#define CONF_ARGS_MAX 64u

typedef struct {
        char *file; /* where it was read */
        char *name; /* its last part, without .conf: how messages call the plugin */
        bool active, binary;
        char *path;                    /* the program */
        char *args[CONF_ARGS_MAX + 2]; /* argv: path first, NULL last */
        size_t n_args;                 /* path not counted */
        unsigned long long dev, ino;   /* of the program, to see that it was replaced */
} Conf;

typedef void (*ConfDiagFn)(void *userdata, bool is_error, const char *file, unsigned line, const char *text);

enum { _CONF_E_SUCCESS, CONF_E_REFUSED };

/* 0; CONF_E_REFUSED: auditd of that version does not start it (all reasons were told); -errno: it cannot be read.
 * An inactive plugin is no error: its program is not looked at, as auditd does not. */
int conf_read(Conf *ret, const char *file, const Version *version, ConfDiagFn diag, void *userdata);
void conf_done(Conf *c); /* takes a zeroed one */

/* False: auditd passes over a file of this name in its folder; @ret_why: the reason (static). */
bool conf_name_read(const char *name, const Version *version, const char **ret_why);
