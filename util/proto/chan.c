/* SPDX-License-Identifier: BSD-2-Clause */
/* chan: a Unix stream on the loop, with its output in batches. */
#include "util/proto/chan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/io/buf.h"
#include "util/io/sys.h"
#include "util/proto/inbox.h"

#define CLOSE_TEXT_BYTES 128

/* A descriptor of ours that goes out with a byte of the stream. */
struct out_fd {
	uint64_t at; /* offset of its frame in the output */
	int fd;
};

struct chan {
	struct chan_conf conf;
	struct watch watch;
	struct turn_end end;
	struct inbox in;
	struct buf out;
	struct buf out_fds; /* struct out_fd each, in order of at */
	uint64_t sent_bytes;
	bool *is_gone;   /* set by chan_free while frames are handed out */
	bool is_paused;  /* by the owner: does not read */
	bool is_blocked; /* the peer takes no more: waits for writability */
	bool is_broken;  /* nobody will read our output */
	bool is_over;    /* on_close was called */
};

/* Aligned for a struct cmsghdr. */
union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(FRAME_FDS_MAX * sizeof(int))];
};

static void
set_watch(struct chan *c)
{
	unsigned flags = 0;

	if (!c->is_paused)
		flags |= WATCH_READ;
	if (c->is_blocked)
		flags |= WATCH_WRITE;
	watch_set(&c->watch, flags);
}

/* --- output --------------------------------------------------------------- */

/* Descriptor i of those that wait; false: there are fewer. */
static bool
get_out_fd(const struct chan *c, size_t i, struct out_fd *o)
{
	struct str all = buf_view(&c->out_fds);

	if (all.len / sizeof(*o) <= i)
		return false;
	memcpy(o, all.ptr + i * sizeof(*o), sizeof(*o));
	return true;
}

/* The first n are sent, or never will be. */
static void
drop_out_fds(struct chan *c, size_t n)
{
	struct out_fd o;

	while (n-- > 0 && get_out_fd(c, 0, &o)) {
		(void)close(o.fd);
		buf_consume(&c->out_fds, sizeof(o));
	}
}

static void
drop_output(struct chan *c)
{
	drop_out_fds(c, SIZE_MAX);
	buf_fini(&c->out);
}

/* Collects the descriptors of the frame at the front into fds; *end is where
 * the next frame with descriptors begins. Returns how many. */
static size_t
collect_fds(const struct chan *c, int fds[FRAME_FDS_MAX], uint64_t *end)
{
	struct out_fd o;
	size_t n = 0;

	while (get_out_fd(c, n, &o) && o.at == c->sent_bytes)
		fds[n++] = o.fd;
	if (get_out_fd(c, n, &o) && o.at < *end)
		*end = o.at;
	return n;
}

/* Sends what goes in one call: descriptors go with their frame's first byte,
 * and the next such frame begins a new call. */
static enum err
send_piece(struct chan *c)
{
	uint64_t end = c->sent_bytes + buf_len(&c->out);
	int fds[FRAME_FDS_MAX];
	size_t n_fds = collect_fds(c, fds, &end);
	struct iovec iov = { (char *)(uintptr_t)buf_view(&c->out).ptr,
		(size_t)(end - c->sent_bytes) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control = { .head = { 0 } };
	ssize_t n;

	if (n_fds > 0) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, n_fds * sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	n = sys.sendmsg(c->watch.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EINTR ? ERR_OK : sys_err(errno);
	drop_out_fds(c, n_fds);
	buf_consume(&c->out, (size_t)n);
	c->sent_bytes += (uint64_t)n;
	return ERR_OK;
}

enum err
chan_flush(struct chan *c)
{
	enum err err = ERR_OK;

	if (c->is_over || c->is_broken)
		return ERR_EOF;
	while (err == ERR_OK && buf_len(&c->out) > 0)
		err = send_piece(c);
	c->is_blocked = err == ERR_AGAIN;
	if (err != ERR_OK && err != ERR_AGAIN) {
		c->is_broken = true;
		drop_output(c);
	}
	set_watch(c);
	return err;
}

/* --- the end -------------------------------------------------------------- */

/* c may be gone when it returns. errno is that of the failure. */
static void
end(struct chan *c, enum err why, const char *text)
{
	int errnum = errno;

	c->is_over = true;
	watch_fini(&c->watch);
	turn_end_fini(&c->end);
	drop_output(c);
	errno = errnum;
	c->conf.on_close(c->conf.arg, why, text);
}

/* The peer sent something that its protocol does not have. */
static void
end_for_fault(struct chan *c)
{
	char text[CLOSE_TEXT_BYTES];
	struct outbuf out = { text, 0, sizeof(text) };
	const struct frame_reader *r = &c->in.reader;

	BUG_IF(outbuf_printf(&out, "byte %llu: %s",
	           (unsigned long long)r->fault_at,
	           frame_fault_text(r->fault)) != ERR_OK);
	end(c, ERR_PROTO, text);
}

/* The owner does not like f. */
static void
end_for_frame(struct chan *c, const struct frame *f, enum err err)
{
	char text[CLOSE_TEXT_BYTES];
	struct outbuf out = { text, 0, sizeof(text) - 1 };

	msg_explain(f->type, f->body, &out);
	text[out.len] = '\0';
	if (err == ERR_SYNTAX || err == ERR_RANGE)
		err = ERR_PROTO;
	end(c, err, text);
}

static void
on_turn_end(void *arg)
{
	struct chan *c = arg;
	enum err err;

	if (c->is_blocked || c->is_broken)
		return;
	err = chan_flush(c);
	/* After an EOF there may still be frames to be read: that end comes
	 * when they are. */
	if (err != ERR_OK && err != ERR_AGAIN && err != ERR_EOF)
		end(c, err, "cannot write");
}

/* --- input ---------------------------------------------------------------- */

/* Hands out all whole frames. c may be gone when it returns. */
static void
hand_out(struct chan *c)
{
	bool is_gone = false;
	struct frame f;
	enum err err;

	c->is_gone = &is_gone;
	while ((err = inbox_next(&c->in, &f)) == ERR_OK) {
		err = c->conf.on_frame(c->conf.arg, &f);
		inbox_done(&f);
		if (is_gone)
			return;
		if (err == ERR_OK)
			continue;
		c->is_gone = NULL;
		end_for_frame(c, &f, err);
		return;
	}
	c->is_gone = NULL;
	if (err == ERR_PROTO)
		end_for_fault(c);
}

static void
read_input(struct chan *c)
{
	enum err err = inbox_read(&c->in, c->watch.fd);

	switch (err) {
	case ERR_OK:
		hand_out(c);
		break;
	case ERR_AGAIN:
		break;
	case ERR_PROTO:
		end_for_fault(c);
		break;
	case ERR_EOF:
		end(c, err,
		    inbox_has_part(&c->in) ? "closed within a frame"
		                           : "closed by the peer");
		break;
	case ERR_SYNTAX:
	case ERR_RANGE:
	case ERR_FULL:
	case ERR_NOTFOUND:
	case ERR_EXISTS:
	case ERR_TIMEOUT:
	case ERR_DENIED:
	case ERR_EXPIRED:
	case ERR_IO:
		end(c, err, "cannot read");
		break;
	}
}

static void
on_ready(void *arg, unsigned what)
{
	struct chan *c = arg;

	if (what == WATCH_READ) {
		read_input(c);
		return;
	}
	c->is_blocked = false;
	on_turn_end(c);
}

struct chan *
chan_new(struct loop *loop, int fd, const struct chan_conf *conf)
{
	struct chan *c = malloc(sizeof(*c));

	if (c == NULL)
		fatal("out of memory for a connection");
	*c = (struct chan){ .conf = *conf };
	inbox_init(&c->in);
	buf_init(&c->out, conf->out_max_bytes);
	buf_init(&c->out_fds, CHAN_OUT_FDS_MAX * sizeof(struct out_fd));
	watch_init(&c->watch, loop, fd, on_ready, c);
	turn_end_init(&c->end, loop, on_turn_end, c);
	set_watch(c);
	return c;
}

void
chan_free(struct chan **chan)
{
	struct chan *c = *chan;

	if (c == NULL)
		return;
	if (c->is_gone != NULL)
		*c->is_gone = true;
	watch_fini(&c->watch);
	turn_end_fini(&c->end);
	drop_output(c);
	inbox_fini(&c->in);
	(void)close(c->watch.fd);
	free(c);
	*chan = NULL;
}

size_t
chan_out_bytes(const struct chan *c)
{
	return buf_len(&c->out);
}

void
chan_pause(struct chan *c, bool is_paused)
{
	c->is_paused = is_paused;
	if (!c->is_over)
		set_watch(c);
}

enum err
chan_peer_cred(const struct chan *c, struct sock_cred *cred)
{
	return sock_peer_cred(c->watch.fd, cred);
}

/* Duplicates fds into the queue, all of them or, with ERR_FULL, none. */
static enum err
queue_fds(struct chan *c, const int *fds, unsigned n)
{
	struct out_fd dups[FRAME_FDS_MAX];
	struct str s = { (const char *)dups, n * sizeof(dups[0]) };
	unsigned i;

	for (i = 0; i < n; i++) {
		dups[i] =
		    (struct out_fd){ .at = c->sent_bytes + buf_len(&c->out) };
		dups[i].fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (dups[i].fd < 0)
			break;
	}
	if (i == n && buf_append(&c->out_fds, s) == ERR_OK)
		return ERR_OK;
	while (i-- > 0)
		(void)close(dups[i].fd);
	return ERR_FULL;
}

enum err
chan_send(struct chan *c, enum msg_type type, const void *m, const int *fds)
{
	size_t n = frame_bytes(type, m);
	struct outbuf space;
	enum err err;

	if (c->is_over || c->is_broken)
		return ERR_EOF;
	if (n > FRAME_MAX_BYTES)
		return ERR_RANGE;
	space = buf_space(&c->out, n);
	err = frame_put(&space, type, m);
	if (err == ERR_OK)
		err = queue_fds(c, fds, msg_fds(type));
	buf_commit(&c->out, err == ERR_OK ? n : 0);
	if (err == ERR_OK)
		turn_end_ask(&c->end);
	return err;
}
