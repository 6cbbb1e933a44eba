/** Who is signed in, and what that lets one do: controls that would be refused are not shown. */
import { createContext, useContext } from 'react';
import type { Account } from '../../../src/ui/protocol.ts';

const Context = createContext<Account>({
  name: '',
  role: 'viewer',
  stacks: [],
  disabled: false,
  created: '',
});
export const Who = Context.Provider;

export interface Rights {
  account: Account;
  operate: boolean;
  accounts: boolean;
  /** Whether what belongs to that stack may be changed. */
  change(stack: string | undefined): boolean;
}

export function useRights(): Rights {
  const account = useContext(Context);
  const operate = account.role === 'administrator' || account.role === 'operator';
  return {
    account,
    operate,
    accounts: account.role === 'administrator',
    change: (stack) =>
      operate || (account.role === 'deployer' && stack !== undefined && account.stacks.includes(stack)),
  };
}
