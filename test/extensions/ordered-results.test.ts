import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderedResults } from '../../src/extensions/ordered-results.ts';

/** Runs processes whose answers the test gives. */
function orderOf(count: number) {
  const delivered: number[] = [];
  const order = new OrderedResults<number>((result) => delivered.push(result));
  const answers: ((result: number) => void)[] = [];
  for (let index = 0; index < count; index++) order.run((done) => answers.push(done));
  return { delivered, order, answer: (index: number) => answers[index]!(index) };
}

describe('OrderedResults', () => {
  it('delivers in the order of the questions, whatever the order of the answers', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }), (sequence) => {
        const { delivered, order, answer } = orderOf(8);
        const answered = new Set<number>();
        for (const index of sequence) {
          answer(index);
          answered.add(index);
          // As far as there is no gap, and no farther.
          let ready = 0;
          while (answered.has(ready)) ready++;
          expect(delivered).toEqual(Array.from({ length: ready }, (_, position) => position));
          expect(order.size).toBe(8 - ready);
        }
      }),
    );
  });

  it('delivers what is answered at once within the call', () => {
    const delivered: string[] = [];
    const order = new OrderedResults<string>((result) => delivered.push(result));
    order.run((done) => done('at once'));
    expect(delivered).toEqual(['at once']);
    expect(order.size).toBe(0);
  });

  it('counts an answer once', () => {
    const { delivered, answer } = orderOf(2);
    answer(1);
    answer(1);
    answer(0);
    answer(0);
    expect(delivered).toEqual([0, 1]);
  });

  it('takes new questions while it delivers', () => {
    const delivered: string[] = [];
    const order: OrderedResults<string> = new OrderedResults((result) => {
      delivered.push(result);
      if (result === 'first') order.run((done) => done('third'));
    });
    let answerFirst: (result: string) => void = () => {};
    order.run((done) => {
      answerFirst = done;
    });
    order.run((done) => done('second'));
    answerFirst('first');
    expect(delivered).toEqual(['first', 'second', 'third']);
  });

  it('forgets everything when it is cleared, also from within a delivery', () => {
    const { delivered, order, answer } = orderOf(3);
    answer(1);
    order.clear();
    for (const index of [0, 1, 2]) answer(index);
    expect(delivered).toEqual([]);

    const seen: number[] = [];
    const clearing: OrderedResults<number> = new OrderedResults((result) => {
      seen.push(result);
      clearing.clear();
    });
    const dones: ((result: number) => void)[] = [];
    for (let count = 0; count < 3; count++) clearing.run((done) => dones.push(done));
    dones[2]!(2);
    dones[1]!(1);
    dones[0]!(0);
    expect(seen).toEqual([0]);
    expect(clearing.size).toBe(0);
  });
});
