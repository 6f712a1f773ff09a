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
        unsigned line, n_errors, path_line;
        bool builtin_type, builtin_path; /* a part of auditd */
        bool too_long;                   /* get_line() is inside of a line that it passes over */
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

/* @refuses: auditd of that version looks at it. */
static void check_mode(Reader *r, unsigned line, const char *what, const struct stat *st, bool refuses) {
        if (st->st_mode & S_IWOTH)
                say(r, refuses, line, "%s can be written by everybody; %s (chmod o-w)", what,
                    refuses ? "auditd refuses it" : "later releases of auditd refuse it");
        if (r->version->refuses_group_writable && st->st_mode & S_IWGRP)
                say(r, true, line, "%s can be written by its group; auditd %s refuses it (chmod g-w)", what,
                    r->version->name);
}

static void take_active(Reader *r, char **words, size_t n) {
        if (!strcasecmp(words[0], "yes"))
                r->conf->active = true;
        else if (!strcasecmp(words[0], "no"))
                r->conf->active = false;
        else
                error_at(r, "active is yes or no, not %s", words[0]);
}

static void take_direction(Reader *r, char **words, size_t n) {
        if (r->version->needs_direction_out && strcasecmp(words[0], "out") != 0)
                error_at(r, "direction must be out, not %s", words[0]);
}

/* auditd's folder is /, whoever starts us has another. */
static void take_relative_path(Reader *r, const char *path) {
        if (r->version->needs_absolute_path) {
                error_at(r, "path must be absolute: /%s?", path);
                return;
        }
        say(r, false, r->line, "path is not absolute; auditd looks for it in /");
        free(r->conf->path);
        if (asprintf(&r->conf->path, "/%s", path) < 0)
                r->conf->path = NULL;
}

static void take_path(Reader *r, char **words, size_t n) {
        const char *slash = strrchr(words[0], '/');

        r->path_line = r->line;
        free(r->conf->path);
        r->builtin_path = !strncasecmp(words[0], "builtin_", 8);
        r->conf->path = strdup(r->builtin_path ? "/sbin/audisp-af_unix" : words[0]);
        if (r->builtin_path)
                return;
        if (words[0][0] != '/')
                take_relative_path(r, words[0]);
        if (!slash || slash - words[0] < 4)
                error_at(r, "the folder of path must have at least four characters, as /sbin");
}

static void take_type(Reader *r, char **words, size_t n) {
        if (!strcasecmp(words[0], "builtin"))
                r->builtin_type = true;
        else if (strcasecmp(words[0], "always") != 0)
                error_at(r, "type is always, not %s", words[0]);
        else
                r->builtin_type = false;
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
        else if (n < 3)
                error_at(r, "%s has no value", words[0]);
        else if (n > 3 && !keys[k].many)
                error_at(r, "%s takes one word; %s is too many", words[0], words[3]);
        else
                keys[k].take(r, words + 2, n - 2);
}

/* auditd reads pieces of line_max - 1 bytes and looks for a newline in each as in a string: a line without one is
 * passed over, and one that hides its newline behind a NUL takes the next line with it. */
static bool passes_over(Reader *r, const char *line, size_t n) {
        const size_t most = r->version->line_max - 1;
        bool was_too_long = r->too_long, takes = false;

        for (size_t at = 0; at < n; at += most) {
                size_t visible = strnlen(line + at, n - at < most ? n - at : most);
                bool ended = memchr(line + at, '\n', visible);

                takes = ended && !r->too_long;
                r->too_long = !ended;
        }
        if (takes)
                return false;
        say(r, false, r->line, "auditd passes over this line: %s",
            was_too_long          ? "it takes it for a part of the one before"
            : memchr(line, 0, n)  ? "there is a NUL in it"
            : line[n - 1] != '\n' ? "no newline is at its end"
                                  : "it is too long");
        return true;
}

static void take_line(Reader *r, char *line, size_t n) {
        char *words[WORDS_MAX];

        if (passes_over(r, line, n))
                return;
        line[n - 1] = 0;
        n = split(line, words);
        if (n && words[0][0] != '#')
                take_words(r, words, n);
}

static void check_program(Reader *r) {
        Conf *c = r->conf;
        struct stat st;

        if (!c->path) {
                say(r, true, r->line, "there is no path: the program to start");
                return;
        }
        if ((r->builtin_type || r->builtin_path) && !r->version->builtin_is_program) {
                say(r, true, r->path_line, "a builtin is a part of auditd %s itself, not a program",
                    r->version->name);
                return;
        }
        if (stat(c->path, &st) < 0) {
                say(r, true, r->path_line, "%s: %s", c->path, strerror(errno));
                return;
        }
        if (!S_ISREG(st.st_mode))
                say(r, true, r->path_line, "%s is no file", c->path);
        check_owner(r, r->path_line, c->path, &st);
        check_mode(r, r->path_line, c->path, &st, r->version->refuses_writable_program);
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
        check_mode(r, 1, "the file", &st, true);
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
        ssize_t n;
        int fd = open(file,
                      O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO is refused, not waited for */
        FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;

        if (!f) {
                int e = errno;

                if (fd >= 0)
                        close(fd);
                return -e;
        }
        if (name_it(&c, file) < 0) {
                fclose(f);
                conf_done(&c);
                return -ENOMEM;
        }
        check_file(&r, fileno(f));
        while ((n = getline(&line, &cap, f)) > 0) {
                r.line++;
                take_line(&r, line, (size_t)n);
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
