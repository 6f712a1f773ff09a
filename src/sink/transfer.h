/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Transfers of libcurl on the loop of a sink: one alert, one transfer, settled when it ends.
 *
 * A driver takes a free transfer, gives it what it is to send, and starts it; it is asked what became of it
 * once, and the alert is settled accordingly. Never waits: names are resolved by threads of libcurl's, which
 * nobody waits for either. Bounded: so many transfers at once, a total time for each, TRANSFER_SAID bytes
 * kept of an answer. No proxy from the environment, no redirects, no protocols but the named ones, TLS 1.2 at least. */
#include <curl/curl.h>
#include "sink/sink.h"

#define TRANSFER_SAID       512u   /* bytes kept of what the other side said */
#define TRANSFER_WHY        1024u  /* of a reason */
#define TRANSFER_CONNECT_MS 10000u /* to be connected, TLS included */
#define TRANSFER_TIMEOUT_MS 30000u /* for all of it, unless configured */

typedef struct Transfers Transfers;

typedef struct {
        Transfers *owner;
        size_t slot;    /* its number, from 0: so that a driver can keep something beside it */
        void *userdata; /* the driver's, for all its transfers */
        uint64_t id;    /* of the alert; 0: free */
        CURL *easy;
        bool running;
        bool over;        /* whatever libcurl still waits for is given up at once */
        curl_socket_t fd; /* of its connection, while it is watched */
        /* Freed with it: libcurl reads them while it runs. */
        struct curl_slist *headers, *recipients;
        curl_mime *mime;
        Buf body;
        char said[TRANSFER_SAID]; /* the other side's words, as far as the driver keeps them */
        size_t n_said;
        char error[CURL_ERROR_SIZE]; /* of libcurl, in words */
} Transfer;

typedef struct {
        SinkVerdict verdict;
        uint64_t after_ms; /* SINK_RETRY: not before; 0: as always */
        Buf why;           /* in words; is made inert, and cut at TRANSFER_WHY */
} TransferEnd;

typedef struct {
        size_t n_max;          /* at once */
        const char *protocols; /* as "smtp,smtps" */
        const char *ca;        /* PEM file in the place of the system's authorities; NULL: those */
        bool no_verify;
        uint64_t timeout_ms; /* 0: TRANSFER_TIMEOUT_MS */
        /* What became of it. @code: libcurl's. */
        void (*judge)(Transfer *t, CURLcode code, TransferEnd *end);
        void *userdata;
} TransferSetup;

/* @setup is copied, its texts are lent. 0 or -errno. */
int transfers_new(Transfers **ret, Sink *sink, const TransferSetup *setup);
Transfers *transfers_free(Transfers *ts); /* ends what runs, settles nothing; takes NULL, returns NULL */

/* A transfer with the common options set, for the alert @id. NULL: all of them run. */
Transfer *transfers_take(Transfers *ts, uint64_t id);
/* Runs it; what cannot even start is settled at once, as SINK_RETRY. */
void transfer_start(Transfer *t);
/* Gives it back unused and settles its alert. */
void transfer_refuse(Transfer *t, SinkVerdict verdict, const char *why);

/* Adds the header "Name: value". The value is one line, or folded. False when memory runs out. */
bool transfer_header(Transfer *t, const char *name, Str value);

/* The name of this machine; "localhost" where it has none that could stand in an address. */
void transfer_host(char ret[static 256]);
