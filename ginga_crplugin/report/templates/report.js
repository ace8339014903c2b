'use strict';
for (const button of document.querySelectorAll('thead button')) {
  button.addEventListener('click', () => {
    const head = button.closest('th');
    const table = head.closest('table');
    const column = [...head.parentNode.children].indexOf(head);
    const descending = head.getAttribute('aria-sort') === 'ascending';
    const number = head.classList.contains('number');
    const value = row => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
    const compare = (one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === '' || b === '') return (a === '') - (b === '');  // unknown values come last
      const result = number ? a - b : a.localeCompare(b, undefined, {numeric: true});
      return descending ? -result : result;
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(compare));
    for (const other of head.parentNode.children) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
  });
}
