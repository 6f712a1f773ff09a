/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What root does for deliver before it starts: the spool's folder and the files of file sinks are its own.
 *
 * Only what is missing is made, and only what is root's is given away: the spool's files, and the folder of the default spool. A folder
 * that exists and is somebody else's is the administrator's decision. */
#include "role/config/config.h"

void own_for_deliver(const Config *config, uid_t uid, gid_t gid);
