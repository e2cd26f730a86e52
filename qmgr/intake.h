/* SPDX-License-Identifier: BSD-2-Clause */
/* intake: records become parts in queues. */
#ifndef QMGR_INTAKE_H
#define QMGR_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

struct qmgr;
struct qpeer;

/* Records outside of the queues that are remembered one by one; what is
 * beyond is found by the scan all the same. */
#define INTAKE_UNADMITTED_MAX 65536
#define INTAKE_RETRY_MS 1000

struct intake;

struct intake *intake_new(struct qmgr *q);

/* All is restored: what was admitted counts as found. */
void intake_begin(struct intake *in);

/* The frames of an smtpd. */
MUST_USE enum err intake_admit(struct qpeer *peer, struct str body);
MUST_USE enum err intake_sealed(struct qpeer *peer, struct str body);

/*
 * A record that the store has read: header and envelope. is_found: by a scan,
 * nobody had announced it.
 *
 * ERR_FULL	no room now: it is unadmitted, and tried again each second
 * ERR_SYNTAX	not a record
 */
MUST_USE enum err intake_front(
    struct qmgr *q, uint64_t segment, uint32_t block, struct str front);

/* Records outside of the queues now (Q6). */
uint64_t intake_unadmitted(const struct intake *in);

/* Messages that are admitted, or are such records, by intake's own count. */
uint64_t intake_found(const struct intake *in);

/* Whether this one is. */
bool intake_is_unadmitted(
    const struct intake *in, uint64_t segment, uint32_t block);

/* Tries the unadmitted again, a slice each second. */
void intake_tick(struct intake *in, int64_t now_ms);

#endif /* QMGR_INTAKE_H */
