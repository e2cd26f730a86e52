/* SPDX-License-Identifier: BSD-2-Clause */
/* admit: the connection to qmgr. */
#include "smtpd/admit.h"

#include "util/proto/chan.h"
#include "util/svc/peer.h"
#include "util/svc/svc.h"

/* As in messages.def: a longer head is read from the disk. */
#define HEAD_MAX_BYTES 61440

static void
on_up(void *arg)
{
	(void)arg;
}

static void
on_down(void *arg, enum err why)
{
	(void)arg;
	(void)why;
}

/* qmgr has nothing to say to us. */
static enum err
on_frame(void *arg, struct frame *f)
{
	(void)arg;
	(void)f;
	return ERR_PROTO;
}

void
admit_init(struct admit *a, struct svc *svc)
{
	struct peer_conf conf = {
		.name = "qmgr",
		.run_dir = svc_run_dir(svc),
		.role = PEER_SMTPD,
		.index = svc_index(svc),
		.out_max_bytes = ADMIT_OUT_MAX_BYTES,
		.on_up = on_up,
		.on_frame = on_frame,
		.on_down = on_down,
		.arg = a,
	};

	*a = (struct admit){ .peer = peer_new(svc_loop(svc), &conf) };
}

void
admit_fini(struct admit *a)
{
	struct chan *chan = peer_chan(a->peer);

	/* What is left, qmgr finds by itself. */
	if (chan != NULL)
		a->n_dropped += chan_flush(chan) != ERR_OK;
	peer_free(&a->peer);
}

void
admit_record(struct admit *a, uint64_t segment, uint32_t block, struct str head)
{
	struct chan *chan = peer_chan(a->peer);
	struct msg_admit m = {
		.segment = segment,
		.block = block,
		.head = head.len > HEAD_MAX_BYTES ? STR("") : head,
	};

	if (chan == NULL || chan_send_admit(chan, &m) != ERR_OK)
		a->n_dropped++;
}

void
admit_sealed(struct admit *a, uint64_t segment)
{
	struct chan *chan = peer_chan(a->peer);
	struct msg_sealed m = { .segment = segment };

	if (chan == NULL || chan_send_sealed(chan, &m) != ERR_OK)
		a->n_dropped++;
}
