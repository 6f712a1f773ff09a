/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* How values are written in the log, and the bytes that they stand for.
 *
 * Pure functions without state, for meaning/ and for rules. Source of facts: the field table and the
 * exceptions by record type of libauparse 3.0.9 (typetab.h, auparse_interp_adjust_type()); test-decode.c
 * holds the table here against the installed library. Text that is not trusted is logged quoted, or as
 * hexadecimal digits when it holds a quote, a blank or a byte outside 0x21..0x7E (kernel:
 * audit_log_untrustedstring()).
 *
 * Every function accepts any bytes and is linear in their number. */
#include "base/buf.h"
#include "record/field.h"

typedef enum {
        KIND_PLAIN,      /* the value is its own meaning */
        KIND_USER,       /* a user id, decimal */
        KIND_GROUP,      /* a group id, decimal */
        KIND_SYSCALL,    /* a number, whose name depends on the architecture */
        KIND_ARCH,       /* an AUDIT_ARCH_… number, hexadecimal */
        KIND_EXIT,       /* a number, or a negative errno */
        KIND_TEXT,       /* text: quoted, or hexadecimal */
        KIND_TEXT_MAYBE, /* text, quoted or hexadecimal, or a bare word from a program (acct) */
        KIND_TEXT_WORD,  /* likewise, and decimal digits alone are a number (TRUSTED_APP) */
        KIND_KEY,        /* text; several keys with byte 1 between them */
        KIND_PROCTITLE,  /* text; NUL between arguments */
        KIND_TTY,        /* text; what was typed, keys included */
        KIND_SADDR,      /* a struct sockaddr, hexadecimal */
        KIND_MODE,       /* st_mode, octal */
        KIND_MODE_SHORT, /* permission bits, octal */
        KIND_RESULT,     /* 0, 1, or a word */
        KIND_SESSION,    /* decimal, 4294967295 is none */
        KIND_A0,         /* an argument of a system call, hexadecimal */
        KIND_A1,
        KIND_A2,
        KIND_A3,
        KIND_CODE, /* a number that only libauparse can name (signals, capabilities, …) */
} FieldKind;

/* @type: AUDIT_… of the record, or -1. */
FieldKind decode_kind(int type, Str name);

/* False: in records of @type every name has the kind that it has in most, decode_kind(0, name). */
bool decode_has_exceptions(int type);

/* True: the value of @f is hexadecimal digits that stand for text, whose bytes decode_text() gives: it is
 * not quoted, an even number of digits, and its kind is one of the KIND_TEXT… to KIND_TTY. */
bool decode_is_hex_text(FieldKind kind, const Field *f);

/* Appends the bytes of a field of kind text: decoded when decode_is_hex_text(), else the value itself. NUL
 * bytes in a KIND_PROCTITLE become blanks. Nothing is escaped. */
void decode_text(Buf *out, FieldKind kind, const Field *f);

/* True for a<digits> and a<digits>[<digits>], the arguments in EXECVE records. *ret_arg: the first number;
 * *ret_piece: the second, -1 when there is none (long arguments are logged in pieces). Either may be NULL. */
bool decode_execve_arg(Str name, uint32_t *ret_arg, int64_t *ret_piece);

typedef enum {
        SADDR_NONE,    /* a family without more that we understand */
        SADDR_INET,    /* address and port (AF_INET, AF_INET6) */
        SADDR_UNIX,    /* path */
        SADDR_NETLINK, /* pid and groups */
        SADDR_SHORT,   /* the family is known, the rest is cut off, but for a path of one byte */
} SaddrForm;

/* The kernel logs at most a struct sockaddr_storage: 128 bytes. */
#define SADDR_MAX 128u

typedef struct {
        SaddrForm form;
        uint16_t family;
        const char *family_name; /* "inet", "local", … as libauparse has it; NULL when it has none */
        char address[64];        /* SADDR_INET: numeric, with "%scope" where there is one */
        uint16_t port;           /* SADDR_INET */
        uint32_t pid, groups;    /* SADDR_NETLINK */
        bool is_abstract;        /* SADDR_UNIX: in the abstract name space; @path is what follows the NUL */
        uint8_t n_path;          /* at most 108; may hold any byte but NUL */
        char path[109];          /* NUL behind it */
        size_t n_bytes;          /* of the blob, at most SADDR_MAX */
        uint8_t bytes[SADDR_MAX];
} SocketAddress;

enum { _DECODE_E_SUCCESS, DECODE_E_BAD };

/* A value of saddr=. DECODE_E_BAD: it does not start with the four digits of a family. What follows a byte
 * that is no digit is ignored, as are bytes beyond SADDR_MAX. */
int decode_saddr(Str hex, SocketAddress *ret);

/* libaudit's number for the machine of arch=, or a negative number when it has none. */
int decode_machine(Str arch);

/* Names of system calls, from libaudit: an array access for it, so that nothing is cached here. NULL, and
 * -1: unknown. @name of decode_syscall_number() as in "openat". Machines as decode_machine() gives them;
 * negative: unknown. */
const char *decode_syscall_name(int machine, uint32_t number);
int decode_syscall_number(int machine, Str name);
const char *decode_machine_name(int machine);
