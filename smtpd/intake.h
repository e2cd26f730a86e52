/* SPDX-License-Identifier: BSD-2-Clause */
/* intake: whether new mail may come in, and what stands against it. */
#ifndef SMTPD_INTAKE_H
#define SMTPD_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/io/loop.h"
#include "util/io/thread.h"
#include "util/proto/terms.h"
#include "util/svc/page.h"

struct svc;

/* qmgr counts as away when it showed no sign of life for this long. */
#define INTAKE_QMGR_SILENT_MS 10000
/* How long the reply to MAIL waits when qmgr asks to go slowly. */
#define INTAKE_SLOW_MS 500

/* Others use the functions. */
struct intake {
	struct svc *svc;
	struct page *qmgr; /* NULL: no page was handed over */
	struct bgthread *thread;
	struct look {
		struct job job;
		int dir_fd;
		uint64_t free_bytes;
		uint64_t free_inodes;
		bool is_ok;
	} look; /* own look at the disk, in the thread */
	struct timer timer;
	uint64_t blind_bytes; /* taken since qmgr was last seen */
	uint64_t blind_max_bytes;
	uint64_t need_bytes; /* free room below which nothing is taken */
	bool is_looking;
	bool is_disk_full;
	bool is_blind;
	bool is_paused; /* as logged */
	int64_t paused_ms;
	char reason[PAGE_REASON_MAX_BYTES + 1];
};

/* Begins; thread is borrowed. Ends the process when the page that master gave
 * cannot be used. */
void intake_init(struct intake *p, struct svc *svc, struct bgthread *thread);
/* The thread is finished before. */
void intake_fini(struct intake *p);

/* Takes blind_max and the reserve from the configuration in force. */
void intake_set_conf(struct intake *p);

/* What holds now; is_exempt: a notice of our own, which is refused only when
 * the disk is full. */
enum pressure intake_pressure(struct intake *p, bool is_exempt);

/* Why intake_pressure() refused: terminated, until it is asked again. */
const char *intake_reason(const struct intake *p);

/* Counts what was accepted: while qmgr is away, at most blind_max is. */
void intake_add(struct intake *p, uint64_t bytes);

#endif /* SMTPD_INTAKE_H */
