/* SPDX-License-Identifier: BSD-2-Clause */
/* spool: directories and records for tests of the spool. */
#ifndef TESTS_LIB_SPOOL_H
#define TESTS_LIB_SPOOL_H

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/base/fatal.h"
#include "util/spool/envelope.h"
#include "util/spool/segment.h"

#define SPOOL_ENVELOPE_BYTES 512

/* A directory of one test's own. */
struct spool_dir {
	char path[64];
	int fd;
};

static inline void
spool_dir_init(struct spool_dir *d)
{
	(void)snprintf(d->path, sizeof(d->path), "/tmp/holdfast-test-XXXXXX");
	BUG_IF(mkdtemp(d->path) == NULL);
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	BUG_IF(d->fd < 0);
}

/* Counts the files, and removes them when asked to. */
static inline unsigned
spool_dir_visit(const struct spool_dir *d, bool remove_all)
{
	DIR *dir = opendir(d->path);
	struct dirent *e;
	unsigned n = 0;

	BUG_IF(dir == NULL);
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n++;
		if (remove_all)
			BUG_IF(unlinkat(d->fd, e->d_name, 0) != 0);
	}
	(void)closedir(dir);
	return n;
}

static inline void
spool_dir_fini(struct spool_dir *d)
{
	(void)spool_dir_visit(d, true);
	(void)close(d->fd);
	BUG_IF(rmdir(d->path) != 0);
}

/* A file in memory that holds s. */
static inline int
spool_memfd(struct str s)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	BUG_IF(fd < 0);
	BUG_IF(s.len > 0 && write(fd, s.ptr, s.len) != (ssize_t)s.len);
	return fd;
}

/* A small valid envelope in out, whose sender names number n. */
static inline void
spool_envelope(struct outbuf *out, unsigned n)
{
	struct envelope_part part = { 0, 1, STR("example.test") };
	struct envelope_rcpt rcpt = { .address = STR("a@example.test") };
	char sender[32];
	struct envelope_texts texts = { .sender = { sender, 0 } };

	texts.sender.len =
	    (size_t)snprintf(sender, sizeof(sender), "s%u@example.test", n);
	BUG_IF(envelope_put_part(out, &part) != ERR_OK);
	BUG_IF(envelope_put_texts(out, &texts) != ERR_OK);
	BUG_IF(envelope_put_rcpt(out, &rcpt) != ERR_OK);
}

/* A record to append, with all that it borrows. */
struct spool_message {
	struct segment_record record;
	struct iovec piece;
	struct outbuf envelope;
	char envelope_bytes[SPOOL_ENVELOPE_BYTES];
};

/* Message n, with that content. */
static inline void
spool_message_init(struct spool_message *m, unsigned n, struct str content)
{
	*m = (struct spool_message){ .piece = { (void *)(uintptr_t)content.ptr,
		                         content.len } };
	m->envelope =
	    (struct outbuf){ m->envelope_bytes, 0, sizeof(m->envelope_bytes) };
	spool_envelope(&m->envelope, n);
	m->record.head.qid.b[14] = (uint8_t)(n >> 8);
	m->record.head.qid.b[15] = (uint8_t)n;
	m->record.head.arrival_ms = 1700000000000 + n;
	m->record.head.flags = RECORD_NO_DOT;
	m->record.envelope = outbuf_str(&m->envelope);
	m->record.pieces = &m->piece;
	m->record.n_pieces = 1;
}

/* Number of a message, from what came back of it. */
static inline unsigned
spool_message_number(const struct record_head *head)
{
	return (unsigned)head->qid.b[14] << 8 | head->qid.b[15];
}

#endif /* TESTS_LIB_SPOOL_H */
