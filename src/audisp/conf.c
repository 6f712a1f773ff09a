/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audisp/conf.h"

#define WORDS_MAX (CONF_ARGS_MAX + 3)

typedef struct {
        Conf *conf;
        const Version *version;
        ConfDiagFn diag;
        void *userdata;
        unsigned line, n_errors, active_line, path_line;
} Reader;

static void say(Reader *r, bool is_error, unsigned line, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

static void say(Reader *r, bool is_error, unsigned line, const char *fmt, ...) {
        char text[512];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        r->n_errors += is_error;
        r->diag(r->userdata, is_error, r->conf->file, line, text);
}

#define error_at(r, ...) say(r, true, (r)->line, __VA_ARGS__)

bool conf_name_read(const char *name, const Version *version, const char **ret_why) {
        const char *dot = strchr(name, '.');

        if (name[0] == '.') {
                *ret_why = "its name starts with a dot";
                return false;
        }
        if (dot && strchr(dot + 1, '.')) {
                *ret_why = "its name has more than one dot";
                return false;
        }
        if (dot && version->conf_suffix && strcmp(dot, ".conf") != 0) {
                *ret_why = "its name does not end in .conf";
                return false;
        }
        return true;
}

/* auditd wants root's files. Who is not root cannot run auditd: for them it is only said. */
static void check_owner(Reader *r, unsigned line, const char *what, const struct stat *st) {
        if (st->st_uid == 0)
                return;
        say(r, geteuid() == 0, line,
            "%s belongs to uid %u; auditd takes only what belongs to root (chown root)", what, st->st_uid);
}

static void check_mode(Reader *r, unsigned line, const char *what, const struct stat *st) {
        if (st->st_mode & S_IWOTH)
                say(r, true, line, "%s can be written by everybody; auditd refuses it (chmod o-w)", what);
        if (r->version->refuses_group_writable && st->st_mode & S_IWGRP)
                say(r, true, line, "%s can be written by its group; auditd %s refuses it (chmod g-w)", what,
                    r->version->name);
}

static void take_active(Reader *r, char **words, size_t n) {
        r->active_line = r->line;
        if (!strcasecmp(words[0], "yes"))
                r->conf->active = true;
        else if (strcasecmp(words[0], "no") != 0)
                error_at(r, "active is yes or no, not %s", words[0]);
}

static void take_direction(Reader *r, char **words, size_t n) {
        if (r->version->needs_direction_out && strcasecmp(words[0], "out") != 0)
                error_at(r, "direction must be out, not %s", words[0]);
}

static void take_path(Reader *r, char **words, size_t n) {
        const char *slash;

        r->path_line = r->line;
        free(r->conf->path);
        if (!strncasecmp(words[0], "builtin_", 8)) {
                if (r->version->builtin_is_program)
                        r->conf->path = strdup("/sbin/audisp-af_unix");
                else
                        error_at(r, "%s is a part of auditd %s itself, not a program", words[0],
                                 r->version->name);
                if (!r->version->builtin_is_program)
                        r->conf->path = NULL;
                return;
        }
        r->conf->path = strdup(words[0]);
        slash = strrchr(words[0], '/');
        if (words[0][0] != '/')
                error_at(r, "path must be absolute: /%s?", words[0]);
        else if (slash - words[0] < 4)
                error_at(r, "the folder of path must have at least four characters, as /sbin");
}

static void take_type(Reader *r, char **words, size_t n) {
        if (strcasecmp(words[0], "always") != 0 && strcasecmp(words[0], "builtin") != 0)
                error_at(r, "type is always, not %s", words[0]);
}

static void take_args(Reader *r, char **words, size_t n) {
        Conf *c = r->conf;

        if (r->version->max_args && n > r->version->max_args) {
                /* 3.0.9 passes the first two on and drops a third; with four it says so and passes two */
                say(r, false, r->line, "auditd %s passes %u arguments on and drops the others",
                    r->version->name, r->version->max_args);
                n = r->version->max_args;
        }
        while (c->n_args)
                free(c->args[c->n_args--]);
        for (size_t i = 0; i < n && i < CONF_ARGS_MAX; i++)
                c->args[++c->n_args] = strdup(words[i]);
        c->args[c->n_args + 1] = NULL;
}

static void take_format(Reader *r, char **words, size_t n) {
        if (!strcasecmp(words[0], "binary"))
                r->conf->binary = true;
        else if (!strcasecmp(words[0], "string"))
                r->conf->binary = false;
        else
                error_at(r, "format is string or binary, not %s", words[0]);
}

static const struct {
        const char *name;
        bool many; /* takes more than one word */
        void (*take)(Reader *r, char **words, size_t n);
} keys[] = { { "active", false, take_active }, { "direction", false, take_direction },
             { "path", false, take_path },     { "type", false, take_type },
             { "args", true, take_args },      { "format", false, take_format } };

/* Words between blanks; a tab is a letter to auditd. */
static size_t split(char *line, char **words) {
        size_t n = 0;

        for (char *save, *w = strtok_r(line, " ", &save); w && n < WORDS_MAX; w = strtok_r(NULL, " ", &save))
                words[n++] = w;
        return n;
}

static void take_words(Reader *r, char **words, size_t n) {
        const size_t n_keys = sizeof(keys) / sizeof(*keys);
        size_t k = 0;

        if (n < 2 || strcmp(words[1], "=") != 0) {
                error_at(r, "a line is `key = value` with blanks around =%s",
                         strchr(words[0], '\t') ? "; a tab is no blank to auditd" : "");
                return;
        }
        while (k < n_keys && strcasecmp(words[0], keys[k].name) != 0)
                k++;
        if (k == n_keys)
                error_at(r, "%s is unknown; known are active, direction, path, type, args, format", words[0]);
        else if (n < 3 && !keys[k].many)
                error_at(r, "%s has no value", words[0]);
        else if (n > 3 && !keys[k].many)
                error_at(r, "%s takes one word; %s is too many", words[0], words[3]);
        else
                keys[k].take(r, words + 2, n - 2);
}

static void take_line(Reader *r, char *line) {
        char *words[WORDS_MAX];
        size_t n = strlen(line);

        if (n && line[n - 1] == '\n')
                line[--n] = 0;
        if (n + 1 >= r->version->line_max) {
                say(r, false, r->line, "auditd %s passes over lines of %zu bytes or more", r->version->name,
                    r->version->line_max - 1);
                return;
        }
        if (line[0] == '#' || !line[strspn(line, " ")])
                return;
        n = split(line, words);
        if (n)
                take_words(r, words, n);
}

static void check_program(Reader *r) {
        Conf *c = r->conf;
        struct stat st;

        if (!c->path) {
                say(r, true, r->line, "there is no path: the program to start");
                return;
        }
        if (stat(c->path, &st) < 0) {
                say(r, true, r->path_line, "%s: %s", c->path, strerror(errno));
                return;
        }
        if (!S_ISREG(st.st_mode))
                say(r, true, r->path_line, "%s is no file", c->path);
        check_owner(r, r->path_line, c->path, &st);
        check_mode(r, r->path_line, c->path, &st);
        if ((st.st_mode & r->version->program_mode) != r->version->program_mode)
                say(r, true, r->path_line, "%s has mode %04o; auditd %s wants at least %04o (chmod 0755)",
                    c->path, st.st_mode & 07777, r->version->name, r->version->program_mode);
        c->dev = st.st_dev;
        c->ino = st.st_ino;
}

static void check_file(Reader *r, int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return;
        if (!S_ISREG(st.st_mode))
                say(r, true, 1, "it is no file");
        check_owner(r, 1, "the file", &st);
        check_mode(r, 1, "the file", &st);
}

static int name_it(Conf *c, const char *file) {
        const char *slash = strrchr(file, '/');
        size_t n;

        c->file = strdup(file);
        c->name = strdup(slash ? slash + 1 : file);
        if (!c->file || !c->name)
                return -ENOMEM;
        n = strlen(c->name);
        if (n > 5 && !strcmp(c->name + n - 5, ".conf"))
                c->name[n - 5] = 0;
        return 0;
}

int conf_read(Conf *ret, const char *file, const Version *version, ConfDiagFn diag, void *userdata) {
        Conf c = { 0 };
        Reader r = { .conf = &c, .version = version, .diag = diag, .userdata = userdata };
        char *line = NULL;
        size_t cap = 0;
        FILE *f = fopen(file, "re");

        if (!f)
                return -errno;
        if (name_it(&c, file) < 0) {
                fclose(f);
                conf_done(&c);
                return -ENOMEM;
        }
        check_file(&r, fileno(f));
        while (getline(&line, &cap, f) >= 0) {
                r.line++;
                take_line(&r, line);
        }
        free(line);
        fclose(f);
        if (c.active)
                check_program(&r);
        c.args[0] = c.path;
        if (r.n_errors) {
                conf_done(&c);
                return CONF_E_REFUSED;
        }
        *ret = c;
        return 0;
}

void conf_done(Conf *c) {
        for (size_t i = 1; i <= c->n_args; i++)
                free(c->args[i]);
        free(c->path);
        free(c->file);
        free(c->name);
        *c = (Conf){ 0 };
}
