/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Bytes in, complete events out.
 *
 * Bytes are lines, or what auditd writes to a plugin with format = binary, padded or not: the first 16 of them tell.
 * A feed starts no thread, handles no signal, writes nothing and never ends the process. It belongs to one thread at a time;
 * different feeds may run in different threads. Memory is bounded by the limits in AulertFeedOptions. Functions return 0 or a
 * negative errno; records that are no audit records are no error: they are counted. */
#include <aulert/event.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A stream that is taken apart. */
typedef struct AulertFeed AulertFeed;

/* Gets each event. It must not call functions of the feed that calls it. */
typedef void (*AulertEventFn)(void *userdata, AulertEvent *event);

/* Zeroed members have their defaults. Set size; later versions of the library may add members. */
typedef struct {
        size_t size;         /* sizeof(AulertFeedOptions) */
        int auparse;         /* not 0: order and grouping of libauparse 3.0.9's feed instead of aulert's */
        size_t max_line;     /* bytes; longer lines are dropped and counted (1 MiB) */
        size_t open_events;  /* full: the one open longest is delivered, AULERT_ENDED_LIMIT (32768) */
        uint32_t timeout_ms; /* end-of-event timeout (2000, as auditd's end_of_event_timeout) */
} AulertFeedOptions;

/* @options may be NULL; it is copied. 0, -ENOMEM, or -EINVAL (options->size is too small, or no @fn). On failure *ret is not
 * changed. */
int aulert_feed_new(AulertFeed **ret, const AulertFeedOptions *options, AulertEventFn fn, void *userdata);
/* Open events are dropped: flush first. Takes NULL. */
void aulert_feed_free(AulertFeed *feed);

/* Takes bytes, in chunks of any size; they are copied. May call the callback. 0, never -ENOMEM: lines and records that there
 * is no memory for are dropped and counted, as those over a limit are. */
int aulert_feed_push(AulertFeed *feed, const void *data, size_t size);
/* One read(2) from @fd, and all events that it completes. 0; 1: end of file, where a last line without newline is dropped and
 * counted; another descriptor may follow. -EAGAIN; -EINTR; another -errno of read(2). Do not mix with aulert_feed_push() inside
 * of a line. */
int aulert_feed_read(AulertFeed *feed, int fd);
/* Delivers everything that is open, oldest first. The feed may be used further. A last line without newline stays. */
void aulert_feed_flush(AulertFeed *feed);
/* Tells the time, nanoseconds of a clock that never goes back: events that are open for the timeout are delivered. For live
 * input; call it also before each push or read. */
void aulert_feed_age(AulertFeed *feed, uint64_t now_ns);
/* When aulert_feed_age() next has something to do, by the same clock; UINT64_MAX: nothing is open. */
uint64_t aulert_feed_deadline(const AulertFeed *feed);

/* Counter number @index from 0, for showing. NULL: there are no more. *ret_value is its value; *ret_loss, if not NULL, not 0 when
 * it counts something that came in and did not go out. The name is never freed. */
const char *aulert_feed_counter(const AulertFeed *feed, size_t index, uint64_t *ret_value, int *ret_loss);

#ifdef __cplusplus
}
#endif
