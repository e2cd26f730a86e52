/* SPDX-License-Identifier: BSD-2-Clause */
/* intake: qmgr's word, or an own look at the disk while it is away. */
#include "smtpd/intake.h"

#include <stdio.h>
#include <sys/statvfs.h>

#include "util/base/fatal.h"
#include "util/conf/conf.h"
#include "util/log/log.h"
#include "util/svc/svc.h"

/* How often the disk is looked at while qmgr is away. */
#define LOOK_MS 1000
/* Segments that must find room: the open one, the next, and what qmgr needs
 * to come back (its checkpoint and two ledger files). */
#define NEED_SEGMENTS 4
#define NEED_INODES 64

static void
look_run(struct job *job)
{
	struct look *l = LIST_ITEM(job, struct look, job);
	struct statvfs fs;

	l->is_ok = fstatvfs(l->dir_fd, &fs) == 0;
	if (!l->is_ok)
		return;
	l->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	/* A file system without a table of inodes says 0 of 0. */
	l->free_inodes = fs.f_files == 0 ? UINT64_MAX : fs.f_favail;
}

static void
look_done(struct job *job)
{
	struct intake *p = LIST_ITEM(job, struct intake, look.job);

	p->is_looking = false;
	p->is_disk_full = !p->look.is_ok ||
	    p->look.free_bytes < p->need_bytes ||
	    p->look.free_inodes < NEED_INODES;
	if (p->is_blind)
		timer_set_at(
		    &p->timer, loop_now_ms(svc_loop(p->svc)) + LOOK_MS);
}

static void
look_begin(struct intake *p)
{
	if (p->is_looking)
		return;
	p->look.dir_fd = svc_fd(p->svc, HAND_INCOMING, 0);
	/* A full queue of jobs: the next timer asks again. */
	p->is_looking = bgthread_submit(p->thread, &p->look.job) == ERR_OK;
	if (!p->is_looking)
		timer_set_at(
		    &p->timer, loop_now_ms(svc_loop(p->svc)) + LOOK_MS);
}

static void
on_timer(void *arg)
{
	look_begin(arg);
}

void
intake_init(struct intake *p, struct svc *svc, struct bgthread *thread)
{
	int fd = svc_fd(svc, HAND_PAGE_QMGR, 0);

	*p = (struct intake){ .svc = svc, .thread = thread };
	p->look.job = (struct job){ look_run, look_done };
	timer_init(&p->timer, svc_loop(svc), on_timer, p);
	if (fd >= 0 && page_map(&p->qmgr, fd, false) != ERR_OK)
		fatal("the status page of qmgr cannot be used");
	intake_set_conf(p);
}

void
intake_fini(struct intake *p)
{
	timer_fini(&p->timer);
	page_free(&p->qmgr);
}

void
intake_set_conf(struct intake *p)
{
	const struct conf_spool *spool = &svc_conf(p->svc)->spool;

	p->blind_max_bytes = spool->blind_max_bytes;
	p->need_bytes = NEED_SEGMENTS * spool->segment_size_bytes;
}

/* Whether qmgr is away; begins and ends the time without it. */
static bool
is_blind(struct intake *p, int64_t now_ms)
{
	int64_t beat = p->qmgr == NULL ? 0 : page_heartbeat_ms(p->qmgr);
	bool blind = beat == 0 || now_ms - beat > INTAKE_QMGR_SILENT_MS;

	if (blind && !p->is_blind) {
		p->is_blind = true;
		p->blind_bytes = 0;
		look_begin(p);
	} else if (!blind && p->is_blind) {
		p->is_blind = false;
		p->is_disk_full = false;
		timer_stop(&p->timer);
	}
	return blind;
}

static enum pressure
blind_pressure(struct intake *p)
{
	const char *why = NULL;

	if (p->is_disk_full)
		why = "the disk is full";
	else if (p->blind_bytes >= p->blind_max_bytes)
		why = "blind_max: the queue manager is away";
	if (why == NULL)
		return PRESSURE_ACCEPT;
	(void)snprintf(p->reason, sizeof(p->reason), "%s", why);
	return PRESSURE_REFUSE;
}

/* Logs when new mail begins to be refused, and when no longer. */
static void
note(struct intake *p, enum pressure now, int64_t now_ms)
{
	bool paused = now == PRESSURE_REFUSE;

	if (paused == p->is_paused)
		return;
	p->is_paused = paused;
	if (paused) {
		p->paused_ms = now_ms;
		LOG(EV_INTAKE_PAUSED, KV_CSTR("reason", p->reason));
	} else {
		LOG(EV_INTAKE_RESUMED, KV_CSTR("reason", p->reason),
		    KV_NUM("paused_ms", now_ms - p->paused_ms));
	}
}

enum pressure
intake_pressure(struct intake *p, bool is_exempt)
{
	int64_t now_ms = loop_now_ms(svc_loop(p->svc));
	enum pressure now;

	if (is_blind(p, now_ms)) {
		now = blind_pressure(p);
	} else {
		now = page_pressure(p->qmgr);
		if (now == PRESSURE_REFUSE)
			page_get_reason(p->qmgr, p->reason);
	}
	note(p, now, now_ms);
	/* Our own notices make room in the queue; a full disk stops at the
	 * write, before the 250. */
	if (is_exempt)
		return PRESSURE_ACCEPT;
	return now;
}

const char *
intake_reason(const struct intake *p)
{
	return p->reason[0] != '\0' ? p->reason : "no reason given";
}

void
intake_add(struct intake *p, uint64_t bytes)
{
	if (p->is_blind)
		p->blind_bytes += bytes;
}
