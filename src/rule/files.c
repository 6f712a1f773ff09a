/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "rule/files.h"
#include "rule/yaml-tree.h"

#define MAX_DIR_DEPTH 32

typedef struct {
        RuleFileFn fn;
        void *userdata;
        Buf text; /* of the file at hand */
} Walk;

static int hand_error(Walk *w, const char *path, int error) {
        return w->fn(w->userdata, &(RuleFile){ .path = path, .error = error });
}

/* The whole file, or more than any rule file may have. 0 or -errno. */
static int read_whole(Walk *w, int fd) {
        buf_clear(&w->text);
        while (w->text.n <= YAML_MAX_BYTES) {
                char *p = buf_reserve(&w->text, 16384);
                ssize_t k = p ? read(fd, p, 16384) : 0;

                if (!p)
                        return -ENOMEM;
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (!k)
                        break;
                w->text.n += (size_t)k;
        }
        return 0;
}

static int hand_file(Walk *w, int fd, const char *path) {
        int r = read_whole(w, fd);

        if (r && r != -ENOMEM)
                return hand_error(w, path, -r);
        return r ? r
                 : w->fn(w->userdata,
                         &(RuleFile){ .path = path, .text = { w->text.n ? w->text.p : "", w->text.n } });
}

static int walk_path(Walk *w, int dir, const char *name, const char *path, unsigned depth);

/* NAME.test.yml holds tests of the rules in NAME.yml. */
static bool has_suffix(const char *name) {
        Str s = str_from(name);

        return (str_ends(s, STR(".yml")) && !str_ends(s, STR(".test.yml"))) ||
               (str_ends(s, STR(".yaml")) && !str_ends(s, STR(".test.yaml")));
}

static int wanted(const struct dirent *e) { return e->d_name[0] != '.'; }

/* A link to a directory, or one that is called as a rule is. */
static bool is_rule_link(int fd, const char *name, const struct stat *link) {
        struct stat st;

        return S_ISLNK(link->st_mode) &&
               (has_suffix(name) || (!fstatat(fd, name, &st, 0) && S_ISDIR(st.st_mode)));
}

static int walk_entry(Walk *w, int fd, const char *path, const char *name, unsigned depth) {
        struct stat st;
        char *full = NULL;
        bool link;
        int r;

        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        link = is_rule_link(fd, name, &st);
        if (!link && !S_ISDIR(st.st_mode) && !(S_ISREG(st.st_mode) && has_suffix(name)))
                return 0;
        if (asprintf(&full, "%s%s%s", path, str_ends(str_from(path), STR("/")) ? "" : "/", name) < 0)
                return -ENOMEM;
        r = link ? hand_error(w, full, EMLINK) : walk_path(w, fd, name, full, depth + 1);
        free(full);
        return r;
}

/* Takes @fd. Entries in the order of their names, so that messages and line numbers are the same every time. */
static int walk_dir(Walk *w, int fd, const char *path, unsigned depth) {
        struct dirent **entries;
        int n, r = 0;

        if (depth > MAX_DIR_DEPTH) {
                close(fd);
                return hand_error(w, path, ENAMETOOLONG);
        }
        n = scandirat(fd, ".", &entries, wanted, alphasort);
        if (n < 0) {
                r = errno == ENOMEM ? -ENOMEM : hand_error(w, path, errno);
                close(fd);
                return r;
        }
        for (int i = 0; i < n; i++) {
                if (!r)
                        r = walk_entry(w, fd, path, entries[i]->d_name, depth);
                free(entries[i]);
        }
        free(entries);
        close(fd);
        return r;
}

static int walk_path(Walk *w, int dir, const char *name, const char *path, unsigned depth) {
        int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (depth ? O_NOFOLLOW : 0));
        struct stat st;
        int r;

        if (fd < 0)
                return hand_error(w, path, errno);
        if (fstat(fd, &st) < 0) {
                r = errno;
                close(fd);
                return hand_error(w, path, r);
        }
        if (S_ISDIR(st.st_mode))
                return walk_dir(w, fd, path, depth);
        r = S_ISREG(st.st_mode) ? hand_file(w, fd, path) : hand_error(w, path, EINVAL);
        close(fd);
        return r;
}

static Walk begin(RuleFileFn fn, void *userdata) {
        return (Walk){ .fn = fn, .userdata = userdata, .text = BUF_INIT };
}

int rule_files_walk(const char *const *paths, size_t n_paths, RuleFileFn fn, void *userdata) {
        Walk w = begin(fn, userdata);
        int r = 0;

        for (size_t i = 0; !r && i < n_paths; i++)
                r = walk_path(&w, AT_FDCWD, paths[i], paths[i], 0);
        buf_done(&w.text);
        return r;
}

int rule_file_read(const char *path, RuleFileFn fn, void *userdata) {
        Walk w = begin(fn, userdata);
        int fd = open(path, O_RDONLY | O_CLOEXEC), r;

        r = fd < 0 ? hand_error(&w, path, errno) : hand_file(&w, fd, path);
        if (fd >= 0)
                close(fd);
        buf_done(&w.text);
        return r;
}
