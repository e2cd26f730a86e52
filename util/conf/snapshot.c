/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot: reads configuration files and packs them. */
#include "util/conf/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/base/fatal.h"

/*
 * blob	= magic { entry }
 * entry	= name_len:u32 text_len:u32 is_fault:u8 name text
 *
 * Little endian. The text of a fault is the reason.
 */
#define MAGIC "HFCONF1\n"
#define ENTRY_HEAD_BYTES 9

struct entry {
	struct str name, text;
	bool is_fault;
};

/* --- unpacking ------------------------------------------------------------ */

static uint32_t
get_u32(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;

	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/* The first n bytes of *s, advanced over. */
static enum err
take(struct str *s, uint32_t n, struct str *part)
{
	if (n > s->len)
		return ERR_SYNTAX;
	*part = str_head(*s, n);
	str_skip(s, n);
	return ERR_OK;
}

/* The entry that *s begins with. ERR_EOF: there is none. */
static enum err
next_entry(struct str *s, struct entry *e)
{
	struct str head;
	enum err err;

	if (s->len == 0)
		return ERR_EOF;
	err = take(s, ENTRY_HEAD_BYTES, &head);
	if (err != ERR_OK)
		return err;
	e->is_fault = head.ptr[8] != 0;
	err = take(s, get_u32(head), &e->name);
	if (err != ERR_OK)
		return err;
	return take(s, get_u32(str_tail(head, 4)), &e->text);
}

static enum err
take_magic(struct str *blob)
{
	if (!str_starts(*blob, STR(MAGIC)))
		return ERR_SYNTAX;
	str_skip(blob, STR(MAGIC).len);
	return ERR_OK;
}

static enum err
get_packed(void *arg, struct str name, struct str *text)
{
	const struct str *packed = arg;
	struct str blob = *packed;
	enum err err = take_magic(&blob);
	struct entry e;

	while (err == ERR_OK) {
		err = next_entry(&blob, &e);
		if (err != ERR_OK || !str_eq(e.name, name))
			continue;
		*text = e.text;
		return e.is_fault ? ERR_NOTFOUND : ERR_OK;
	}
	*text = STR("it is not in the snapshot");
	return ERR_NOTFOUND;
}

struct conf_source
conf_snapshot_source(const struct str *blob)
{
	return (struct conf_source){ get_packed, (void *)(uintptr_t)blob };
}

enum err
conf_snapshot_main(struct str blob, struct str *name)
{
	struct entry e;
	enum err err = take_magic(&blob);

	if (err != ERR_OK)
		return err;
	err = next_entry(&blob, &e);
	if (err != ERR_OK || memchr(e.name.ptr, '\0', e.name.len) != NULL ||
	    e.name.len > CONF_FILE_NAME_MAX_BYTES)
		return ERR_SYNTAX;
	*name = e.name;
	return ERR_OK;
}

/* --- packing -------------------------------------------------------------- */

struct packer {
	struct arena arena;
	struct entry entries[CONF_FILES_MAX];
	uint32_t n;
	size_t room_bytes; /* that texts may still take */
};

static size_t
packed_bytes(const struct packer *p)
{
	size_t n = STR(MAGIC).len;

	for (uint32_t i = 0; i < p->n; i++)
		n += ENTRY_HEAD_BYTES + p->entries[i].name.len +
		    p->entries[i].text.len;
	return n;
}

static void
put_u32(struct outbuf *out, size_t n)
{
	for (int i = 0; i < 4; i++)
		outbuf_putc(out, (char)(n >> 8 * i & 0xff));
}

static void
pack(struct conf_snapshot *snapshot, const struct packer *p)
{
	struct outbuf out = { NULL, 0, packed_bytes(p) };

	out.ptr = malloc(out.cap);
	if (out.ptr == NULL)
		fatal("out of memory for the configuration");
	outbuf_put(&out, STR(MAGIC));
	for (uint32_t i = 0; i < p->n; i++) {
		put_u32(&out, p->entries[i].name.len);
		put_u32(&out, p->entries[i].text.len);
		outbuf_putc(&out, p->entries[i].is_fault ? 1 : 0);
		outbuf_put(&out, p->entries[i].name);
		outbuf_put(&out, p->entries[i].text);
	}
	snapshot->bytes = out.ptr;
	snapshot->blob = outbuf_str(&out);
}

/* Reads a whole file. On failure *text is the reason. */
static enum err
read_fd(struct packer *p, int fd, struct str *text)
{
	struct stat st;
	size_t size, len = 0;
	char *bytes;
	ssize_t n = 1;

	*text = STR("it is no regular file");
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return ERR_NOTFOUND;
	*text = STR("all files together are larger than 16 MiB");
	if ((uint64_t)st.st_size > p->room_bytes)
		return ERR_NOTFOUND;
	size = (size_t)st.st_size;
	bytes = conf_alloc(&p->arena, size);
	while (len < size && n > 0) {
		n = read(fd, bytes + len, size - len);
		if (n > 0)
			len += (size_t)n;
	}
	*text = str_from_c(strerror(errno));
	if (n < 0)
		return ERR_NOTFOUND;
	*text = (struct str){ bytes, len };
	p->room_bytes -= len;
	return ERR_OK;
}

static enum err
get_file(void *arg, struct str name, struct str *text)
{
	struct packer *p = arg;
	struct entry *e = &p->entries[p->n++];
	enum err err = ERR_NOTFOUND;
	int fd = open(name.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	BUG_IF(p->n > CONF_FILES_MAX);
	*text = str_from_c(strerror(errno));
	if (fd >= 0) {
		err = read_fd(p, fd, text);
		(void)close(fd);
	}
	if (err != ERR_OK)
		*text = conf_dup(&p->arena, *text);
	*e = (struct entry){ conf_dup(&p->arena, name), *text, err != ERR_OK };
	return err;
}

void
conf_snapshot_read(struct conf_snapshot *snapshot, const char *path)
{
	static struct packer p; /* too large for the stack */
	struct conf_source source = { get_file, &p };
	struct conf_errors errors;
	struct conf_tree *tree;

	/* Parsed only to learn what is included: the errors are found again by
	 * conf_new(), where they are told. */
	p = (struct packer){ .room_bytes = CONF_SNAPSHOT_MAX_BYTES };
	arena_init(&p.arena, CONF_ARENA_MAX_BYTES);
	conf_errors_init(&errors);
	tree = conf_alloc(&p.arena, sizeof(*tree));
	conf_tree_parse(tree, &source, str_from_c(path), &p.arena, &errors);
	pack(snapshot, &p);
	conf_errors_fini(&errors);
	arena_fini(&p.arena);
}

void
conf_snapshot_of_text(
    struct conf_snapshot *snapshot, const char *name, struct str text)
{
	static struct packer p;

	p.n = 1;
	p.entries[0] = (struct entry){ str_from_c(name), text, false };
	pack(snapshot, &p);
}

void
conf_snapshot_fini(struct conf_snapshot *snapshot)
{
	free(snapshot->bytes);
	*snapshot = (struct conf_snapshot){ .bytes = NULL };
}
