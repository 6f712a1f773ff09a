/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A connection to a syslog server: a Unix socket, TCP, or TLS, which libcurl sets up.
 *
 * Never waits. One at a time: what is connected again begins anew. */
#include <curl/curl.h>
#include <systemd/sd-event.h>
#include "base/str.h"

typedef struct Stream Stream;

typedef struct {
        sd_event *loop;
        const char *path;       /* of a Unix socket; or NULL and: */
        const char *url;        /* http://HOST:PORT is TCP, https://HOST:PORT TLS */
        const char *ca;         /* PEM file in the place of the system's authorities; NULL: those */
        const char *cert, *key; /* ours, PEM; NULL: none */
        uint64_t timeout_ms;    /* to be connected */
        void (*up)(void *userdata);
        void (*writable)(void *userdata);              /* after stream_send() gave -EAGAIN */
        void (*down)(void *userdata, const char *why); /* not up, or not any more; why in words */
        void *userdata;
} StreamSetup;

/* @setup is copied, its texts are lent. 0 or -errno. */
int stream_new(Stream **ret, const StreamSetup *setup);
Stream *stream_free(Stream *s); /* calls nothing; takes NULL, returns NULL */

/* Later up() or down() is called, perhaps within. Only when it is not connected. */
void stream_connect(Stream *s);
void stream_drop(Stream *s); /* as if never connected; calls nothing */

/* The number of bytes that were taken, or -errno; -EAGAIN: see writable(). Any other: it is down, and down() is not
 * called. A datagram socket takes all or nothing. */
ssize_t stream_send(Stream *s, const void *p, size_t n);

bool stream_is_dgram(const Stream *s);
bool stream_is_unix(const Stream *s);

/* Bytes of the connection (TLS's, not ours) that the other machine has acknowledged, and that were written. False: that
 * cannot be known. */
bool stream_acked(const Stream *s, uint64_t *ret_acked, uint64_t *ret_written);
