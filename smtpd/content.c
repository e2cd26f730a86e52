/* SPDX-License-Identifier: BSD-2-Clause */
/* content: one message's content, from the wire into buffers or a file. */
#include "smtpd/content.h"

#include "smtpd/own.h"
#include "util/base/fatal.h"

/*
 * The header section stays in buffers until it has ended: only then it is
 * known which fields are to be cut out. Behind it content stays in buffers
 * while it is small and there are some; else it goes to a file of its own
 * while it arrives, by way of the shared scratch buffer, and holds nothing.
 */

static void
add_name(struct header_conf *hc, struct str name)
{
	if (name.len > 0)
		hc->names[hc->n_names++] = name;
}

void
content_init(struct content *c, const struct content_conf *conf)
{
	struct dotstuff_conf dc = {
		.bare = conf->bare,
		.line_max_bytes = conf->max_line_bytes,
	};

	*c = (struct content){ .conf = *conf, .in_header = true };
	c->header_conf.max_bytes = conf->max_header_bytes;
	add_name(&c->header_conf, conf->tenant_field);
	add_name(&c->header_conf, conf->campaign_field);
	header_init(&c->header, &c->header_conf);
	dotstuff_init(&c->ds, &dc);
}

void
content_fini(struct content *c)
{
	pool_give(c->conf.pool, &c->first);
	c->last = NULL;
	own_drop(&c->own);
}

void
content_refuse(struct content *c, enum content_fault fault)
{
	if (c->fault != CONTENT_FINE)
		return;
	c->fault = fault;
	c->in_header = false;
	content_fini(c);
}

/* The first buffer is small, for most messages are. A header that still
 * arrives must have room, if only in small buffers of the reserve. */
static struct pool_buf *
take_buf(struct content *c)
{
	struct pool_buf *b = NULL;

	if (c->n_bufs == CONTENT_BUFS_MAX)
		return NULL;
	if (c->n_bufs > 0)
		b = pool_take(c->conf.pool, POOL_LARGE, false);
	if (b == NULL && (c->n_bufs == 0 || c->in_header))
		b = pool_take(c->conf.pool, POOL_SMALL, c->in_header);
	return b;
}

/* Makes room for more content. ERR_FULL: only a file has any. */
static enum err
add_buf(struct content *c)
{
	struct pool_buf *b = take_buf(c);

	if (b == NULL && c->in_header) {
		content_refuse(c, CONTENT_NO_BUFFER);
		return ERR_OK;
	}
	if (b == NULL) {
		c->wants_own = true;
		return ERR_FULL;
	}
	if (c->last == NULL)
		c->first = b;
	else
		c->last->next = b;
	c->last = b;
	c->n_bufs++;
	return ERR_OK;
}

static bool
is_above(const struct content *c)
{
	return c->size_bytes > c->conf.own_above_bytes ||
	    c->conf.declared_bytes > c->conf.own_above_bytes;
}

/* ERR_FULL: nothing can be taken before there is an own file. */
static enum err
find_room(struct content *c, struct outbuf *out)
{
	if (c->fault == CONTENT_FINE && c->own == NULL) {
		if (c->wants_own || (!c->in_header && is_above(c)))
			return ERR_FULL;
		if ((c->last == NULL ||
		        c->last->cap - c->last->len < DOTSTUFF_ROOM_BYTES) &&
		    add_buf(c) != ERR_OK)
			return ERR_FULL;
	}
	if (c->last != NULL)
		*out = (struct outbuf){ c->last->bytes, c->last->len,
			c->last->cap };
	else
		*out = c->conf.scratch;
	return ERR_OK;
}

static void
header_done(struct content *c)
{
	c->in_header = false;
	if (c->header.n_received > c->conf.max_received)
		content_refuse(c, CONTENT_LOOP);
}

static void
header_result(struct content *c, enum err err)
{
	if (err == ERR_OK)
		header_done(c);
	else if (err == ERR_RANGE)
		content_refuse(c, CONTENT_HEADER_TOO_BIG);
	else if (err != ERR_AGAIN)
		content_refuse(c, CONTENT_TOO_MANY_TAGS);
}

/* Looks at piece, which was decoded into a buffer or the scratch buffer. */
static void
check_piece(struct content *c, struct str piece)
{
	c->size_bytes += piece.len;
	if (c->fault != CONTENT_FINE)
		return;
	if (c->last != NULL)
		c->last->len += (uint32_t)piece.len;
	if (c->size_bytes > c->conf.max_bytes)
		content_refuse(c, CONTENT_TOO_BIG);
	else if (c->in_header)
		header_result(c, header_scan(&c->header, piece));
	else if (c->own != NULL && own_write(c->own, piece) != ERR_OK)
		content_refuse(c, CONTENT_DISK);
}

enum err
content_feed(struct content *c, struct str *in)
{
	struct outbuf out;
	size_t before;
	enum err err;

	do {
		if (find_room(c, &out) != ERR_OK)
			return ERR_FULL;
		before = out.len;
		err = dotstuff_decode(&c->ds, in, &out);
		check_piece(c, str_tail(outbuf_str(&out), before));
	} while (err == ERR_FULL);
	if (err == ERR_SYNTAX || err == ERR_RANGE) {
		content_refuse(
		    c, err == ERR_SYNTAX ? CONTENT_BARE : CONTENT_LONG_LINE);
		/* An earlier fault does not help to find the end. */
		c->fault = err == ERR_SYNTAX ? CONTENT_BARE : CONTENT_LONG_LINE;
		return ERR_SYNTAX;
	}
	if (err == ERR_OK && c->in_header)
		header_result(c, header_end(&c->header));
	return err;
}

void
content_set_own(struct content *c, struct own **own)
{
	struct content_iter it;
	struct str span;
	enum err err = ERR_OK;

	BUG_IF(c->in_header || c->own != NULL);
	c->own = *own;
	*own = NULL;
	content_iter_init(&it, c);
	while (err == ERR_OK && content_iter_next(&it, &span))
		err = own_write(c->own, span);
	pool_give(c->conf.pool, &c->first);
	c->last = NULL;
	if (err != ERR_OK)
		content_refuse(c, CONTENT_DISK);
}

struct own *
content_take_own(struct content *c)
{
	struct own *own = c->own;

	c->own = NULL;
	return own;
}

bool
content_begins_folded(const struct content *c)
{
	return c->first != NULL && c->first->len > 0 &&
	    (c->first->bytes[0] == ' ' || c->first->bytes[0] == '\t');
}

struct str
content_tenant(const struct content *c)
{
	if (c->conf.tenant_field.len == 0)
		return STR("");
	return header_get_value(&c->header, 0);
}

struct str
content_campaign(const struct content *c)
{
	if (c->conf.campaign_field.len == 0)
		return STR("");
	return header_get_value(&c->header, c->header_conf.n_names - 1);
}

uint64_t
content_kept_bytes(const struct content *c)
{
	uint64_t n = c->size_bytes;

	for (uint32_t i = 0; i < c->header.n_cuts; i++)
		n -= c->header.cuts[i].len;
	return n;
}

void
content_iter_init(struct content_iter *it, const struct content *c)
{
	*it = (struct content_iter){ .c = c, .buf = c->first };
}

/* Passes over the cut that begins where the iterator stands, or the part of it
 * that lies in this buffer. Returns where the next cut begins in buf. */
static uint32_t
skip_cut(struct content_iter *it)
{
	const struct header *h = &it->c->header;
	uint64_t here, end;

	while (it->cut < h->n_cuts) {
		const struct header_range *r = &h->cuts[it->cut];

		here = it->at + it->used;
		end = (uint64_t)r->start + r->len;
		if (here < r->start)
			return r->start - it->at < it->buf->len
			    ? (uint32_t)(r->start - it->at)
			    : it->buf->len;
		if (end - it->at > it->buf->len) {
			it->used = it->buf->len;
			return it->used;
		}
		it->used = (uint32_t)(end - it->at);
		it->cut++;
	}
	return it->buf->len;
}

bool
content_iter_next(struct content_iter *it, struct str *span)
{
	uint32_t end;

	for (; it->buf != NULL; it->buf = it->buf->next) {
		end = skip_cut(it);
		if (it->used < end) {
			*span = (struct str){ it->buf->bytes + it->used,
				end - it->used };
			it->used = end;
			return true;
		}
		it->at += it->buf->len;
		it->used = 0;
	}
	return false;
}
