/* SPDX-License-Identifier: BSD-2-Clause */
/* ledgerdir: which files of the ledger, and which checkpoints, there are. */
#include "qmgr/ledgerdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/io/sys.h"

#define CAP_MIN 64

static enum err
add(struct ledgerdir *l, uint64_t number)
{
	size_t cap = l->cap == 0 ? CAP_MIN : 2 * l->cap;
	uint64_t *more;

	if (l->n == LEDGERDIR_MAX)
		return ERR_FULL;
	if (l->n == l->cap) {
		more = reallocarray(l->numbers, cap, sizeof(*more));
		if (more == NULL)
			return ERR_FULL;
		l->numbers = more;
		l->cap = cap;
	}
	l->numbers[l->n++] = number;
	return ERR_OK;
}

static int
cmp(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static enum err
read_names(struct ledgerdir *l, DIR *dir, enum ledger_kind kind)
{
	struct ledger_head head;
	struct dirent *entry;
	enum err err = ERR_OK;

	errno = 0;
	while (err == ERR_OK && (entry = readdir(dir)) != NULL) {
		if (ledger_name_parse(str_from_c(entry->d_name), &head) ==
		        ERR_OK &&
		    head.kind == kind)
			err = add(l, head.number);
		errno = 0;
	}
	return err == ERR_OK && errno != 0 ? ERR_IO : err;
}

enum err
ledgerdir_list(struct ledgerdir *l, int dir_fd, enum ledger_kind kind)
{
	int fd = sys.openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	enum err err;

	*l = (struct ledgerdir){ .n = 0 };
	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return ERR_IO;
	}
	err = read_names(l, dir, kind);
	(void)closedir(dir);
	if (l->n > 0)
		qsort(l->numbers, l->n, sizeof(*l->numbers), cmp);
	return err;
}

void
ledgerdir_fini(struct ledgerdir *l)
{
	free(l->numbers);
	*l = (struct ledgerdir){ .n = 0 };
}

static bool
is_kept(uint64_t number, const uint64_t *keep, size_t n)
{
	return n > 0 && bsearch(&number, keep, n, sizeof(*keep), cmp) != NULL;
}

void
ledgerdir_remove(int dir_fd, enum ledger_kind kind, uint64_t before,
    const uint64_t *keep, size_t n)
{
	struct ledgerdir l;
	char name[LEDGER_NAME_BYTES + 1];

	if (ledgerdir_list(&l, dir_fd, kind) == ERR_OK)
		for (size_t i = 0; i < l.n && l.numbers[i] < before; i++) {
			struct ledger_head head = {
				.number = l.numbers[i],
				.kind = kind,
			};

			if (is_kept(head.number, keep, n))
				continue;
			ledger_name_format(&head, name);
			(void)!sys.unlinkat(dir_fd, name, 0);
		}
	ledgerdir_fini(&l);
}
