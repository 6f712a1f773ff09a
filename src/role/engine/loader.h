/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Loads rules in a thread of its own, while the loop goes on.
 *
 * The only thread that we start. It reads files, compiles a RuleSet and writes down what is to be said; it shares nothing with the loop but
 * what it was given, and hands all over at its end, when a descriptor of the loop becomes readable. It takes no signal. */
#include "rule/rule.h"

/* Where rules come from. load() runs in the thread and calls rule_set_load() or rule_set_load_files() with what it is handed; drop() frees
 * @job, in the caller's thread. */
typedef struct {
        int (*load)(void *job, RuleSet **ret, const RuleOptions *options, RuleDiagFn diag, void *userdata);
        void (*drop)(void *job); /* may be NULL */
        void *job;
} LoaderJob;

/* @paths are copied. False: no memory. */
bool loader_job_paths(LoaderJob *ret, const char *const *paths, size_t n_paths);

typedef struct Loader Loader;

/* Takes @job, in any case. 0 or -errno. */
int loader_start(Loader **ret, const LoaderJob *job);

int loader_fd(const Loader *l); /* readable (EPOLLIN) once it has ended */

/* Waits for the end; then tells what there is to say, in the order in which it was found, at most LOADER_SAY_MAX bytes of it. Result as of
 * rule_set_load(). */
#define LOADER_SAY_MAX (4u << 20)
int loader_finish(Loader *l, RuleSet **ret, RuleDiagFn diag, void *userdata);

/* What is under way stops at the next file, and is waited for. Takes NULL, returns NULL. */
Loader *loader_free(Loader *l);
