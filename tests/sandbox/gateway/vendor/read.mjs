// Asks a gateway for all that the bot asks for, through the vendor's own client, and prints what that returns.
// node read.mjs HOSTNAME KEY ACCOUNT CHAIN_ID CONTRACT COLLECTION

import { IndexerGateway, SequenceIndexerGateway } from '@0xsequence/indexer'

const { argv } = /** @type {{ argv: string[] }} */ (/** @type {any} */ (globalThis).process)
const [hostname, key, account, chain, contract, collection] = argv.slice(2)
const gateway = new SequenceIndexerGateway(hostname, key)
const chainIds = [Number(chain)]

/** Returns a value that the vendor's enumeration has. */
function among(enumeration, value) {
  if (!Object.values(enumeration).includes(value)) throw new Error(`the vendor knows no ${value}`)
  return value
}

/**
 * Returns the answers of all pages, asked for as the vendor's web client does: the page object goes back as it came.
 * @template {{ page: IndexerGateway.Page }} Answer
 * @param {(page: IndexerGateway.Page) => Promise<Answer>} ask
 */
async function walked(ask, next = (/** @type {IndexerGateway.Page} */ page) => page) {
  const answers = [await ask({ pageSize: 3 })]
  for (;;) {
    const { page } = answers[answers.length - 1]
    if (!page.more) return answers
    if (answers.length > 50) throw new Error('the pages do not end')
    answers.push(await ask(next(page)))
  }
}

const balance = (/** @type {IndexerGateway.TokenBalance} */ row) => [
  among(IndexerGateway.ContractType, row.contractType),
  row.contractAddress,
  row.accountAddress,
  row.tokenID ?? null,
  row.balance,
  row.blockNumber,
  row.chainId,
  row.contractInfo?.symbol ?? null,
  row.contractInfo?.decimals ?? null,
  row.contractInfo && among(IndexerGateway.ResourceStatus, row.contractInfo.status),
  row.priceUSD ?? null,
]
const native = (/** @type {IndexerGateway.NativeTokenBalance} */ row) => [
  row.accountAddress,
  row.chainId,
  row.symbol,
  row.balance,
  row.priceUSD,
]
const transfers = (/** @type {IndexerGateway.Transaction} */ transaction) =>
  (transaction.transfers ?? []).map((transfer) => [
    transaction.chainId,
    transaction.txnHash,
    transaction.blockNumber,
    transaction.blockHash,
    transaction.timestamp,
    among(IndexerGateway.TxnTransferType, transfer.transferType),
    among(IndexerGateway.ContractType, transfer.contractType),
    transfer.contractAddress,
    transfer.from,
    transfer.to,
    transfer.tokenIds ?? null,
    transfer.amounts,
    transfer.logIndex,
  ])
const prices = (/** @type {IndexerGateway.GatewayPrice} */ { chainID, results }) =>
  results.map((row) => [chainID, row.contractAddress, row.priceUSD, row.updatedAt])

const filter = { accountAddresses: [account], contractStatus: IndexerGateway.ContractVerificationStatus.ALL }
const summaries = await walked((page) =>
  gateway.getTokenBalancesSummary({ chainIds, filter: { ...filter, omitNativeBalances: false }, page }),
)
const details = await walked((page) =>
  gateway.getTokenBalancesDetails({ chainIds, filter: { ...filter, omitNativeBalances: true }, page }),
)
const byContract = await walked((page) =>
  gateway.getTokenBalancesByContract({ chainIds, filter: { ...filter, contractAddresses: [collection] }, page }),
)
const askHistory = (/** @type {IndexerGateway.Page} */ page) =>
  gateway.getTransactionHistory({ chainIds, filter: { accountAddresses: [account], omitPrices: true }, page })
const histories = await walked(askHistory)
const bySize = await walked(askHistory, ({ after }) => ({ pageSize: 3, after }))
const query = { chainID: chainIds[0], queries: [{ contractAddress: contract }] }
const wrong = new SequenceIndexerGateway(hostname, 'wrong')

console.log(
  JSON.stringify({
    ping: (await gateway.ping()).status,
    chains: (await gateway.getChains({})).chains.map(({ chainId, chainName }) => [chainId, chainName]),
    healthy: (await gateway.runtimeStatus()).status.healthOK,
    natives: (summaries[0].nativeBalances ?? []).flatMap(({ results }) => results.map(native)),
    summary: summaries.flatMap(({ balances }) => balances.flatMap(({ results }) => results.map(balance))),
    details: details.flatMap(({ balances }) => balances.flatMap(({ results }) => results.map(balance))),
    byContract: byContract.flatMap(({ balances }) => balances.flatMap(({ results }) => results.map(balance))),
    history: histories.map(({ transactions }) => transactions.flatMap(({ results }) => results.flatMap(transfers))),
    bySize: bySize.map(({ transactions }) => transactions.flatMap(({ results }) => results.flatMap(transfers))),
    prices: (await gateway.getTokenPrices({ q: [query] })).prices.flatMap(prices),
    price: prices((await gateway.getTokenPrice({ q: query })).price),
    native: (await gateway.getNativeTokenBalance({ chainIds, accountAddress: account })).balances.map(({ result }) =>
      native(result),
    ),
    refused: await wrong.ping().then(
      () => null,
      (error) => [error instanceof IndexerGateway.AccessKeyNotFoundError, error.name, error.code, error.status],
    ),
  }),
)
