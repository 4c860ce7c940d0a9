// The request that was made, to be copied.

import { text } from './texts.js';

/** A line for a shell: in single quotes, where nothing but the quote itself means anything. */
export function curl(url) {
  return `curl '${url.href.replaceAll("'", '%27')}'`;
}

export function start(container) {
  const status = container.querySelector('#copied');
  for (const button of container.querySelectorAll('[data-copies]')) {
    const source = container.querySelector(`#${button.dataset.copies}`);
    button.addEventListener('click', async () => {
      await copy(source);
      status.textContent = text('copied');
      button.textContent = text('copied');
      setTimeout(() => {
        status.textContent = '';
        button.textContent = text('copy');
      }, 1500);
    });
  }
  return {
    show(url) {
      container.querySelector('#url').textContent = url.href;
      container.querySelector('#curl').textContent = curl(url);
    },
  };
}

async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
  } catch {
    // Pages without TLS may not: mark the text for who copies by hand.
    getSelection().selectAllChildren(element);
  }
}
