/**
 * The picture of the two wires: a dot travels along one for each message.
 */

/** The most dots on a wire; more would be a blur. */
const MAX_DOTS = 12;

const stillness = matchMedia('(prefers-reduced-motion: reduce)');

/**
 * Sends a dot along a wire.
 *
 * @param wire - the wire's element
 * @param direction - 'sent' travels from the browser, 'received' to it
 */
export function pulse(wire, direction) {
  const line = wire.querySelector('.line');
  if (stillness.matches || document.hidden || line.childElementCount >= MAX_DOTS) return;
  const dot = document.createElement('span');
  dot.className = `dot ${direction}`;
  dot.addEventListener('animationend', () => dot.remove());
  line.append(dot);
}
