/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the releases of auditd do differently to a plugin, one row a release.
 *
 * Read in the sources of linux-audit (audispd.c, audispd-pconfig.c, auditd.c, queue.c) and, for 3.0.9, off a
 * running auditd. A row names the release that it was read from; others of the same series may differ. */
#include <stdbool.h>
#include <stddef.h>

typedef struct {
        const char *name;    /* for --as */
        const char *release; /* that the row describes */
        const char *plugin_dir;
        /* the plugin's .conf (load_plugin_conf(), load_pconfig()) */
        size_t line_max;               /* longer lines are passed over, and said */
        unsigned max_args;             /* 0: any number */
        bool conf_suffix;              /* a name with a dot must end in .conf */
        bool refuses_group_writable;   /* of the .conf and the program */
        bool refuses_writable_program; /* one that everybody can write */
        bool needs_absolute_path;      /* else it is looked for in / */
        bool needs_direction_out;      /* else the key is ignored */
        unsigned program_mode;         /* bits that the program's mode must have at least */
        bool builtin_is_program; /* builtin_…: /sbin/audisp-af_unix; else, with any path, part of auditd */
        /* the start (safe_exec()) */
        bool ignores_signals;  /* at the first start all but SIGCHLD are ignored */
        bool handles_term_hup; /* … but TERM and HUP, which the dispatcher had handlers for: default */
        /* after a restart those that it has handlers for are default: TERM, HUP, USR1, USR2, CONT, CHLD */
        bool blocks_after_restart; /* … and blocked */
        bool closes_all_fds;       /* close_range(); else only 3 to 23 */
        /* the stream (write_to_plugin()) */
        bool padded;    /* binary: every text is followed by padding up to 8970 bytes */
        unsigned queue; /* q_depth, records */
        /* reload and stop */
        bool forwards_hup;       /* else SIGHUP closes all plugins and starts them again */
        bool eof_first;          /* stop: end of input, TERM 50 ms later; else TERM, then end of input */
        unsigned term_to_eof_ms; /* between the two */
} Version;

/* NULL: there is none of that name. */
const Version *version_find(const char *name);
const Version *version_at(size_t i); /* NULL: no more */
#define VERSION_DEFAULT "3.0"        /* what Debian 12 has */
