/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Messages between the processes of `aulert run`, over SOCK_SEQPACKET sockets that the supervisor made.
 *
 * One packet is one message: a head of fixed size and at most IPC_PAYLOAD_MAX bytes. Both ends are the same program (each
 * was started from the other's /proc/self/exe), so integers are the machine's own. Nothing here waits. What comes in may
 * be a lie: the engine parses what attackers wrote, and whoever receives from it checks all that it says. */
#include "base/str.h"

#define IPC_PAYLOAD_MAX 73728u /* a packed alert (ALERT_PACK_MAX) and some room */

/* Descriptors that a role finds open when it starts. */
enum {
        IPC_FD_CONTROL = 3,
        IPC_FD_LINK = 4,  /* engine, deliver: the socket between them; source, intake: where they write to */
        IPC_FD_RING = 5,  /* engine, deliver */
        IPC_FD_RELAY = 5, /* source, intake: source/relay.h */
        _IPC_FD_END
};

typedef enum {
        _IPC_NONE,
        /* supervisor to all */
        IPC_CONFIG, /* with a descriptor: a sealed memfd, see settings.h (engine), or the configuration (deliver, intake); to source: that
                     * of IPC_FILE (-1: none), payload: the source. source and intake: a: for relay_resume(); b: how many were
                     * here before */
        IPC_LINK,   /* with a descriptor: the other role was replaced, this is the socket to the new one */
        IPC_COUNTERS, /* a: number of the request; b: AccountWhat (account.h). Answered by IPC_COUNTED */
        IPC_FINISH,   /* engine: take what is there without waiting, and end; deliver: the engine has ended */
        /* supervisor to deliver */
        IPC_NOTE, /* an alert about ourselves; a: RuleLevel; payload: rule id, title, sentence, each ended by a NUL */
        IPC_METRICS, /* with a descriptor: a sealed memfd, the text for who asks for metrics (metrics.h) */
        /* all to supervisor */
        IPC_READY,   /* the first configuration is in use; a: rules (engine) */
        IPC_CHANGED, /* a later one is; a: 0 or errno, then the old one stays; b: rules (engine) */
        IPC_LOG,     /* a: level of log.h; payload: text */
        IPC_ENDED,   /* it is done, and leaves; a: exit status */
        IPC_COUNTED, /* a: number of the request; payload: "name value" lines */
        /* source to supervisor */
        IPC_FILE, /* with a descriptor: the file that is being read (source_place_fd()), for its successor */
        /* deliver to supervisor */
        IPC_DESKTOP, /* with a descriptor: the socket of a child for user a (desktop-child.h) */
        /* engine to deliver */
        IPC_ALERT,  /* a: its number, rising by one; payload: alert_pack() */
        IPC_EVENTS, /* a: number, rising by one; b: EVENTS_…; payload: node, names of sinks, an empty one, each with a NUL; lines */
        IPC_STATE, /* a state counts: number b of the ring's two (ring.h). Also deliver to supervisor, with a descriptor: what it had
                    * stored of an earlier run, a sealed memfd; before IPC_READY */
        /* engine to supervisor, and its answer with a descriptor, the socket to who reads the log (none: there is no log) */
        IPC_CATCH_UP, /* a: from that second on */
        /* engine to who reads the log, which answers each */
        IPC_LOG_MORE,
        IPC_LOG_BYTES, /* payload: lines or parts of them; a: 1: nothing more is there now; b: files that were gone before they were read */
        /* deliver to engine */
        IPC_COMMITTED,    /* a: all alerts up to this number are in the spool */
        IPC_EVENTS_TAKEN, /* a: all messages of events up to this number need not come again */
        _IPC_N,
} IpcType;

/* IPC_EVENTS: the last line goes on in the next message; the first began in the one before. */
enum { EVENTS_GO_ON = 1 << 0, EVENTS_CONTINUE = 1 << 1 };
#define EVENTS_NODE_MAX 255u

typedef struct {
        uint32_t type; /* IpcType */
        uint32_t reserved;
        uint64_t a, b;
} IpcHead;

typedef struct {
        IpcType type;
        uint64_t a, b;
        Str payload; /* lent until the next ipc_receive() with the same room; followed by a NUL */
        int fd;      /* the receiver's now; -1: none */
} IpcMessage;

typedef struct {
        char bytes[IPC_PAYLOAD_MAX + 1];
} IpcRoom;

/* A pair of non-blocking, close-on-exec sockets with room for some of the largest messages. 0 or -errno. */
int ipc_pair(int ret[2]);

/* @fd: a descriptor to pass, or -1; stays the caller's. 0; -EAGAIN: no room now; -EPIPE, -ECONNRESET: the other side is gone; -errno. */
int ipc_send(int sock, IpcType type, uint64_t a, uint64_t b, Str payload, int fd);

/* 1: *ret is one; 0: the other side has closed; -EAGAIN: none now; -EBADMSG: no message of ours, or too long,
 * dropped; -errno. */
int ipc_receive(int sock, IpcRoom *room, IpcMessage *ret);

/* A memfd with these bytes that nobody can change any more. The descriptor or -errno. */
int ipc_memfd(const char *name, Str bytes);
/* Maps a sealed memfd of at most @max bytes for reading; -EPERM: it is not sealed. munmap() it. */
int ipc_memfd_map(int fd, size_t max, Str *ret);
