/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What an event says about who did what: the few fields that sentences are made of, interpreted.
 *
 * The record that tells what happened speaks first, the others of the event fill what it leaves open.
 * Values of "?", "(none)", "(null)" and unset ids are nothing. Texts are copied, and cut at FACTS_TEXT_MAX
 * bytes. */
#include "base/arena.h"
#include "meaning/meaning.h"

#define FACTS_TEXT_MAX 512u
#define FACTS_KEYS_MAX 32u

typedef enum {
        FACT_PID,
        FACT_AUID,
        FACT_UID,
        FACT_SES,
        FACT_ACCT,
        FACT_ID,
        FACT_GROUP,
        FACT_EXE,
        FACT_COMM,
        FACT_ADDR,
        FACT_HOSTNAME,
        FACT_TERMINAL,
        FACT_RES,
        FACT_OP,
        FACT_CMD,
        FACT_CWD,
        FACT_UNIT,
        FACT_SYSCALL,
        FACT_SIG,
        FACT_DEV,
        FACT_PROM,
        FACT_TABLE,
        FACT_MODULE, /* name of KERN_MODULE */
        FACT_PERMS,
        FACT_PATH,      /* name of the first PATH that is no parent */
        FACT_PATH_KIND, /* its nametype */
        FACT_NEW_PATH,  /* name of a PATH with nametype CREATE that is not the first */
        FACT_EUID,
        FACT_A0, /* arguments of the system call */
        FACT_A1,
        FACT_A2,
        FACT_PEER,    /* the socket address, as text */
        FACT_TARGET,  /* name of the process that it was done to */
        FACT_ARGV,    /* the words of EXECVE, a blank between two */
        FACT_PATH_2,  /* name of a second PATH that is neither parent nor new */
        FACT_TEXT,    /* words of a program or the kernel: text, info, cause, reason */
        FACT_VM,      /* a virtual machine */
        FACT_WHAT,    /* what it is about, where no other fact fits: a boolean, a package, a printer */
        FACT_TO,      /* what that became */
        FACT_PROFILE, /* of AppArmor */
        FACT_VERDICT, /* of AppArmor: DENIED, ALLOWED, STATUS, … */
        FACT_CONTEXT, /* SELinux's, of the object */
        FACT_CLASS,   /* of that object */
        FACT_PORT,
        FACT_DOMAIN, /* of Landlock or NetLabel */
        FACT_PEER_2, /* the other end, where a record names two */
        _FACT_N,
} FactName;

typedef enum { FACTS_UNKNOWN, FACTS_SUCCESS, FACTS_FAILED } FactsResult;

typedef struct {
        int32_t type; /* of the record that tells what happened; AVC of AppArmor counts as AUDIT_APPARMOR_… */
        FactsResult result;
        Str v[_FACT_N]; /* "" where the event does not say */
        const Str *keys;
        size_t n_keys;
        Str attempted;        /* who tried to log in, where the record hides it and another one told */
        bool attempted_local; /* that account exists here */
} Facts;

/* @preferred: the record to speak first, or NULL. Texts live in @arena. 0 or -ENOMEM. */
int facts_gather(Facts *ret, Arena *arena, Meaning *m, const Event *event, const Record *preferred);

/* The name is none: sshd and login(1) write "(invalid user)", "(unknown)", "UNKNOWN" in its place. */
bool facts_name_hidden(Str acct);

/* The program is one of sshd's (sshd, sshd-session). @exe: the path. */
bool facts_is_sshd(Str exe);

Str facts_basename(Str path);

/* The first @max bytes, fewer where that would part a character. */
Str facts_clip(Str s, size_t max);
