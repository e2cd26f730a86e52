/* SPDX-License-Identifier: BSD-2-Clause */
/* admit: tells qmgr of durable records; hints, which may be lost. */
#ifndef SMTPD_ADMIT_H
#define SMTPD_ADMIT_H

#include <stdint.h>

#include "util/text/str.h"

struct peer;
struct svc;

/* What waits for a qmgr that does not read; past it admits are dropped. */
#define ADMIT_OUT_MAX_BYTES (8u << 20)

/* Others read n_dropped only. */
struct admit {
	struct peer *peer;
	uint64_t n_dropped; /* hints that were not sent */
};

/* Begins to connect; tries again for ever. */
void admit_init(struct admit *a, struct svc *svc);

/* Writes what waits, as far as qmgr takes it now, and hangs up. */
void admit_fini(struct admit *a);

/* The record in this block of a segment is durable; head is its header and
 * envelope as on disk. */
void admit_record(
    struct admit *a, uint64_t segment, uint32_t block, struct str head);

/* The segment is sealed. */
void admit_sealed(struct admit *a, uint64_t segment);

#endif /* SMTPD_ADMIT_H */
