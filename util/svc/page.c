/* SPDX-License-Identifier: BSD-2-Clause */
/* page: the memory that processes share: status pages and slot pages. */
#include "util/svc/page.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/base/fatal.h"

#define PAGE_MAGIC "HFPAGE\r\n"
#define SLOT_MAGIC "HFSLOT\r\n"
#define MAGIC_BYTES 8
#define PAGE_VERSION 1
#define BLOCK_BYTES 4096
/* A size that cannot change is one that a reader need not fear. */
#define PAGE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#define REASON_WORDS ((PAGE_REASON_MAX_BYTES + 1) / sizeof(uint64_t))
/* A reader gives up after so many meetings with the writer. */
#define REASON_TRIES 64

struct opening {
	char magic[MAGIC_BYTES];
	uint32_t version;
	uint32_t n; /* slot page: number of slots; else 0 */
};

struct segment_place {
	_Atomic uint64_t number;
	_Atomic uint64_t synced_bytes;
};

/* The memory itself: its layout is a format, and changes with PAGE_VERSION. */
struct page_memory {
	struct opening opening;
	_Atomic int64_t heartbeat_ms;
	_Atomic uint64_t figure;
	_Atomic uint64_t held_bytes;
	_Atomic uint32_t pid;
	_Atomic uint32_t pressure;
	_Atomic uint32_t reason_seq; /* odd while the reason is written */
	uint32_t reserved;
	_Atomic uint64_t reason[REASON_WORDS];
	_Atomic uint64_t turn_us, turn_recent_us;
	char pad[BLOCK_BYTES - 72 - REASON_WORDS * sizeof(uint64_t)];
	struct segment_place segments[PAGE_SEGMENTS_MAX];
};

_Static_assert(sizeof(struct page_memory) == 2 * BLOCK_BYTES, "page layout");

struct page {
	struct page_memory *mem;
};

#define QID_WORDS (sizeof(struct qid) / sizeof(uint64_t))

struct slot_memory {
	_Atomic uint64_t lease;
	_Atomic uint64_t segment;
	_Atomic uint64_t qid[QID_WORDS];
	_Atomic uint32_t block;
	_Atomic uint16_t part;
	_Atomic uint8_t phase;
	uint8_t reserved;
};

struct slots_memory {
	struct opening opening;
	struct slot_memory slots[];
};

_Static_assert(sizeof(struct slot_memory) == 40, "slot layout");

struct slot_page {
	struct slots_memory *mem;
	size_t size_bytes;
	unsigned n; /* checked once: the memory may change under us */
};

static size_t
slots_size_bytes(unsigned n)
{
	size_t size =
	    sizeof(struct slots_memory) + n * sizeof(struct slot_memory);

	return (size + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

/* --- memfds --------------------------------------------------------------- */

static enum err
fill_memfd(int fd, const struct opening *opening, size_t size_bytes)
{
	if (ftruncate(fd, (off_t)size_bytes) != 0)
		return ERR_IO;
	if (pwrite(fd, opening, sizeof(*opening), 0) != sizeof(*opening))
		return ERR_IO;
	if (fcntl(fd, F_ADD_SEALS, PAGE_SEALS) != 0)
		return ERR_IO;
	return ERR_OK;
}

static enum err
make_memfd(
    const char *name, const struct opening *opening, size_t size_bytes, int *fd)
{
	int new_fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	enum err err;

	if (new_fd < 0)
		return ERR_IO;
	err = fill_memfd(new_fd, opening, size_bytes);
	if (err == ERR_OK)
		*fd = new_fd;
	else
		(void)close(new_fd);
	return err;
}

/* Whether fd is a sealed memfd that opens with magic; reads its opening. */
static enum err
read_opening(int fd, const char *magic, struct opening *opening, off_t *size)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & PAGE_SEALS) != PAGE_SEALS)
		return ERR_SYNTAX;
	if (fstat(fd, &st) != 0)
		return ERR_IO;
	if (pread(fd, opening, sizeof(*opening), 0) != sizeof(*opening))
		return ERR_SYNTAX;
	if (memcmp(opening->magic, magic, MAGIC_BYTES) != 0 ||
	    opening->version != PAGE_VERSION)
		return ERR_SYNTAX;
	*size = st.st_size;
	return ERR_OK;
}

/* --- status page ---------------------------------------------------------- */

enum err
page_create(int *fd)
{
	struct opening opening = { .version = PAGE_VERSION };

	memcpy(opening.magic, PAGE_MAGIC, MAGIC_BYTES);
	return make_memfd(
	    "status page", &opening, sizeof(struct page_memory), fd);
}

enum err
page_map(struct page **page, int fd, bool is_writer)
{
	int prot = is_writer ? PROT_READ | PROT_WRITE : PROT_READ;
	struct opening opening;
	off_t size = 0;
	struct page *p;
	void *mem;
	enum err err;

	err = read_opening(fd, PAGE_MAGIC, &opening, &size);
	if (err != ERR_OK)
		return err;
	if (size != sizeof(struct page_memory))
		return ERR_SYNTAX;
	mem = mmap(NULL, (size_t)size, prot, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return ERR_IO;
	p = malloc(sizeof(*p));
	if (p == NULL)
		fatal("no memory for a status page");
	p->mem = mem;
	*page = p;
	return ERR_OK;
}

void
page_free(struct page **page)
{
	if (*page == NULL)
		return;
	(void)munmap((*page)->mem, sizeof(struct page_memory));
	free(*page);
	*page = NULL;
}

static uint64_t
load_u64(const _Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

static void
store_u64(_Atomic uint64_t *to, uint64_t n)
{
	atomic_store_explicit(to, n, memory_order_relaxed);
}

void
page_begin(struct page *page, uint32_t pid, int64_t now_ms)
{
	static const struct page_segment none;
	unsigned i;

	atomic_store_explicit(&page->mem->pid, pid, memory_order_relaxed);
	for (i = 0; i < PAGE_SEGMENTS_MAX; i++)
		page_set_segment(page, i, &none);
	page_set_pressure(page, PRESSURE_ACCEPT, STR(""));
	page_set_figure(page, 0);
	page_set_held_bytes(page, 0);
	page_set_turns(page, 0, 0);
	page_beat(page, now_ms);
}

void
page_beat(struct page *page, int64_t now_ms)
{
	atomic_store_explicit(
	    &page->mem->heartbeat_ms, now_ms, memory_order_relaxed);
}

int64_t
page_heartbeat_ms(const struct page *page)
{
	int64_t ms = atomic_load_explicit(
	    &page->mem->heartbeat_ms, memory_order_relaxed);

	return ms < 0 ? 0 : ms;
}

uint32_t
page_pid(const struct page *page)
{
	return atomic_load_explicit(&page->mem->pid, memory_order_relaxed);
}

void
page_set_figure(struct page *page, uint64_t figure)
{
	store_u64(&page->mem->figure, figure);
}

uint64_t
page_figure(const struct page *page)
{
	return load_u64(&page->mem->figure);
}

void
page_set_held_bytes(struct page *page, uint64_t bytes)
{
	store_u64(&page->mem->held_bytes, bytes);
}

void
page_set_turns(struct page *page, uint64_t longest_us, uint64_t recent_us)
{
	store_u64(&page->mem->turn_us, longest_us);
	store_u64(&page->mem->turn_recent_us, recent_us);
}

void
page_get_turns(
    const struct page *page, uint64_t *longest_us, uint64_t *recent_us)
{
	*longest_us = load_u64(&page->mem->turn_us);
	*recent_us = load_u64(&page->mem->turn_recent_us);
}

uint64_t
page_held_bytes(const struct page *page)
{
	return load_u64(&page->mem->held_bytes);
}

/* --- segments ------------------------------------------------------------- */

/*
 * The number is 0 while the offset changes hands. A reader that saw the same
 * number before and after the offset has that segment's own offset, since a
 * number is never used again.
 */
void
page_set_segment(struct page *page, unsigned i, const struct page_segment *seg)
{
	struct segment_place *place;

	BUG_IF(i >= PAGE_SEGMENTS_MAX);
	place = &page->mem->segments[i];
	atomic_store_explicit(&place->number, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	store_u64(&place->synced_bytes, seg->synced_bytes);
	atomic_store_explicit(
	    &place->number, seg->number, memory_order_release);
}

void
page_set_synced(struct page *page, unsigned i, uint64_t synced_bytes)
{
	BUG_IF(i >= PAGE_SEGMENTS_MAX);
	atomic_store_explicit(&page->mem->segments[i].synced_bytes,
	    synced_bytes, memory_order_release);
}

bool
page_get_segment(const struct page *page, unsigned i, struct page_segment *seg)
{
	const struct segment_place *place;
	uint64_t before, after, synced_bytes;

	BUG_IF(i >= PAGE_SEGMENTS_MAX);
	place = &page->mem->segments[i];
	before = atomic_load_explicit(&place->number, memory_order_acquire);
	synced_bytes =
	    atomic_load_explicit(&place->synced_bytes, memory_order_acquire);
	after = load_u64(&place->number);
	if (before == 0 || before != after)
		return false;
	*seg = (struct page_segment){ before, synced_bytes };
	return true;
}

bool
page_find_segment(
    const struct page *page, uint64_t number, uint64_t *synced_bytes)
{
	struct page_segment seg;
	unsigned i;

	for (i = 0; i < PAGE_SEGMENTS_MAX; i++) {
		if (!page_get_segment(page, i, &seg) || seg.number != number)
			continue;
		*synced_bytes = seg.synced_bytes;
		return true;
	}
	return false;
}

/* --- pressure ------------------------------------------------------------- */

/* Relaxed words under a sequence number that is odd meanwhile. A predecessor
 * that died over it left an odd one; the store below makes it even again. */
static void
put_reason(struct page_memory *mem, const uint64_t *words)
{
	uint32_t seq =
	    atomic_load_explicit(&mem->reason_seq, memory_order_relaxed) | 1;
	size_t i;

	atomic_store_explicit(&mem->reason_seq, seq, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (i = 0; i < REASON_WORDS; i++)
		store_u64(&mem->reason[i], words[i]);
	atomic_store_explicit(&mem->reason_seq, seq + 1, memory_order_release);
}

void
page_set_pressure(struct page *page, enum pressure pressure, struct str reason)
{
	uint64_t words[REASON_WORDS] = { 0 };

	if (reason.len > PAGE_REASON_MAX_BYTES)
		reason.len = PAGE_REASON_MAX_BYTES;
	if (reason.len > 0)
		memcpy(words, reason.ptr, reason.len);
	put_reason(page->mem, words);
	atomic_store_explicit(
	    &page->mem->pressure, pressure, memory_order_release);
}

enum pressure
page_pressure(const struct page *page)
{
	uint32_t n =
	    atomic_load_explicit(&page->mem->pressure, memory_order_acquire);

	return n < PRESSURE_N ? (enum pressure)n : PRESSURE_REFUSE;
}

static bool
take_reason(const struct page_memory *mem, uint64_t *words)
{
	uint32_t before, after;
	size_t i;

	before = atomic_load_explicit(&mem->reason_seq, memory_order_acquire);
	for (i = 0; i < REASON_WORDS; i++)
		words[i] = load_u64(&mem->reason[i]);
	atomic_thread_fence(memory_order_acquire);
	after = atomic_load_explicit(&mem->reason_seq, memory_order_relaxed);
	return before == after && before % 2 == 0;
}

void
page_get_reason(const struct page *page, char *reason)
{
	uint64_t words[REASON_WORDS];
	unsigned tries = 0;
	size_t i;

	reason[0] = '\0';
	while (!take_reason(page->mem, words))
		if (++tries == REASON_TRIES)
			return;
	memcpy(reason, words, sizeof(words));
	reason[PAGE_REASON_MAX_BYTES] = '\0';
	for (i = 0; reason[i] != '\0'; i++)
		if (reason[i] < ' ' || reason[i] > '~')
			reason[i] = '?';
}

/* --- slots ---------------------------------------------------------------- */

enum err
slot_page_create(int *fd, unsigned n)
{
	struct opening opening = { .version = PAGE_VERSION, .n = n };

	BUG_IF(n == 0 || n > PAGE_SLOTS_MAX);
	memcpy(opening.magic, SLOT_MAGIC, MAGIC_BYTES);
	return make_memfd("slot page", &opening, slots_size_bytes(n), fd);
}

enum err
slot_page_map(struct slot_page **page, int fd)
{
	struct opening opening;
	struct slot_page *p;
	off_t size = 0;
	void *mem;
	enum err err;

	err = read_opening(fd, SLOT_MAGIC, &opening, &size);
	if (err != ERR_OK)
		return err;
	if (opening.n == 0 || opening.n > PAGE_SLOTS_MAX ||
	    (size_t)size != slots_size_bytes(opening.n))
		return ERR_SYNTAX;
	mem =
	    mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return ERR_IO;
	p = malloc(sizeof(*p));
	if (p == NULL)
		fatal("no memory for a slot page");
	*p = (struct slot_page){ mem, (size_t)size, opening.n };
	*page = p;
	return ERR_OK;
}

void
slot_page_free(struct slot_page **page)
{
	if (*page == NULL)
		return;
	(void)munmap((*page)->mem, (*page)->size_bytes);
	free(*page);
	*page = NULL;
}

unsigned
slot_page_n(const struct slot_page *page)
{
	return page->n;
}

static struct slot_memory *
slot_at(const struct slot_page *page, unsigned i)
{
	BUG_IF(i >= page->n);
	return &page->mem->slots[i];
}

void
slot_fill(struct slot_page *page, unsigned i, const struct slot *slot)
{
	struct slot_memory *mem = slot_at(page, i);
	uint64_t qid[QID_WORDS];
	size_t word;

	BUG_IF(slot->lease == 0);
	memcpy(qid, slot->qid.b, sizeof(qid));
	store_u64(&mem->lease, slot->lease);
	store_u64(&mem->segment, slot->segment);
	for (word = 0; word < QID_WORDS; word++)
		store_u64(&mem->qid[word], qid[word]);
	atomic_store_explicit(&mem->block, slot->block, memory_order_relaxed);
	atomic_store_explicit(&mem->part, slot->part, memory_order_relaxed);
	atomic_store_explicit(&mem->phase, SLOT_LEASED, memory_order_release);
}

void
slot_clear(struct slot_page *page, unsigned i)
{
	struct slot_memory *mem = slot_at(page, i);

	atomic_store_explicit(&mem->phase, SLOT_FREE, memory_order_release);
	store_u64(&mem->lease, 0);
}

enum err
slot_raise(
    struct slot_page *page, unsigned i, uint64_t lease, enum slot_phase phase)
{
	struct slot_memory *mem = slot_at(page, i);
	uint8_t old = atomic_load_explicit(&mem->phase, memory_order_acquire);

	BUG_IF(phase <= SLOT_LEASED || phase >= SLOT_PHASE_N);
	/* Again only when qmgr cleared the slot between load and exchange. */
	do {
		if (old == SLOT_FREE || load_u64(&mem->lease) != lease)
			return ERR_NOTFOUND;
		if (old >= phase)
			return ERR_RANGE;
	} while (
	    !atomic_compare_exchange_strong(&mem->phase, &old, (uint8_t)phase));
	return ERR_OK;
}

bool
slot_get(const struct slot_page *page, unsigned i, struct slot *slot)
{
	const struct slot_memory *mem = slot_at(page, i);
	uint8_t phase = atomic_load_explicit(&mem->phase, memory_order_acquire);
	uint64_t lease = load_u64(&mem->lease);
	uint64_t qid[QID_WORDS];
	size_t word;

	if (phase == SLOT_FREE || lease == 0)
		return false;
	for (word = 0; word < QID_WORDS; word++)
		qid[word] = load_u64(&mem->qid[word]);
	*slot = (struct slot){
		.lease = lease,
		.segment = load_u64(&mem->segment),
		.block =
		    atomic_load_explicit(&mem->block, memory_order_relaxed),
		.part = atomic_load_explicit(&mem->part, memory_order_relaxed),
		.phase = phase < SLOT_PHASE_N ? (enum slot_phase)phase
		                              : SLOT_DOT_SENT,
	};
	memcpy(slot->qid.b, qid, sizeof(qid));
	return true;
}
