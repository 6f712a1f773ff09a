/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where in a log a time stands. A log is in order of time but for a few seconds (records are written as they come),
 * so that a search by halves lands close; FILE_TIME_SLACK seconds before what was asked are read as well. */
#include <stdint.h>

#define FILE_TIME_SLACK 5

/* Seconds since the epoch of the first record; INT64_MIN: there is none in the first 64 KiB. */
int64_t file_first_time(int fd);

/* The offset of a start of a line before which no record is younger than @sec - FILE_TIME_SLACK; 0 where unsure. */
uint64_t file_find_time(int fd, int64_t sec);

/* Where to start at the end of a log: the start of a line that is still being written (up to 16 MiB before), or of the SOCKADDR record whose
 * path that line is a part of (source/forged.h); else the end. */
uint64_t file_find_end(int fd);
